import { setTimeout as delay } from "node:timers/promises";
import type { LogConsumer } from "@madang/broker";
import type { Logger } from "@madang/runtime";
import { markOf } from "../recovery/mark.ts";
import type { Store } from "../store/store.ts";
import { createProjector, ProjectionCounts } from "./projector.ts";

const RETRY_MS = 1000;

export interface ProjectionDeps {
  readonly store: Store;
  readonly consumer: LogConsumer;
  readonly log: Logger;
  readonly onFailure: (what: string, error: Error) => void;
}

/** Opens the store, retrying for as long as it takes, and then projects the log into it. */
export function startProjection({ store, consumer, log, onFailure }: ProjectionDeps): {
  readonly counts: ProjectionCounts;
  stop(): void;
} {
  const counts = new ProjectionCounts();
  const stopping = new AbortController();
  const { signal } = stopping;
  const start = async (): Promise<void> => {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await store.open();
        if (signal.aborted) return;
        const project = createProjector(store, log, counts);
        consumer.start(async (records, isOurs) => {
          // A batch must not wait for the store to return: recovery first has to check whether it is the same store.
          if (!store.ready) throw new Error("the store is not writable");
          // The mark goes first. A mark ahead of the stored events does no harm, because their batch is not acknowledged.
          await store.saveMark(markOf(records));
          await project(records, isOurs);
        });
        return;
      } catch (error) {
        // The first failure is usually another instance that migrates the data.
        if (failures > 0) onFailure("cannot open the store", error as Error);
        await delay(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  };
  store.onBack(() => consumer.recheckLog("the store was unreachable"));
  void start();
  return { counts, stop: () => stopping.abort() };
}
