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

/** Projects the log as soon as the store is there and has its shape; tries for as long as that takes. */
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
          // A batch that waits for it would be in before anybody has looked whether it is the same.
          if (!store.ready) throw new Error("the store cannot be written");
          // First: a mark ahead of what is in the store does no harm, since such a batch is not acknowledged.
          await store.saveMark(markOf(records));
          await project(records, isOurs);
        });
        return;
      } catch (error) {
        // The first time it is most often another instance, which is bringing the data into its shape.
        if (failures > 0) onFailure("the store cannot be opened", error as Error);
        await delay(RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  };
  store.onBack(() => consumer.recheckLog("the store was away"));
  void start();
  return { counts, stop: () => stopping.abort() };
}
