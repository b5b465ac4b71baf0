import { setTimeout as delay } from "node:timers/promises";
import type { LogAdmin, StreamIdentity } from "@madang/broker";
import { formatPosition } from "@madang/protocol";
import { comparePositions, type Position } from "../store/position.ts";
import type { Mark, Store } from "../store/store.ts";
import type { Floor } from "./floor.ts";
import { fingerprint } from "./mark.ts";

/** The log administration has its own connection, which may come back later than the consumer's. */
const CONNECT_LIMIT_MS = 3000;
const CONNECT_POLL_MS = 20;

interface Deps {
  readonly floor: Pick<Floor, "reached">;
  readonly store: Pick<Store, "loadMark">;
  readonly logAdmin: Pick<LogAdmin, "connected" | "log" | "at" | "renewLog">;
  readonly onFailure: (what: string, error: Error) => void;
}

/**
 * For `openConsumer`: gives a restored log a new epoch before any event is fetched from it.
 *
 * A log is restored when it ends before the checkpoint, or has another event at the mark: it was reset to an older copy,
 * or a disk lost its end, and it may have been written to since. Such a log assigns the same sequences again. Under the
 * old epoch, history and clients would mistake the new events for the ones they know, and drop them.
 * @param deps called at the first check, because the consumer is created before the dependencies
 */
export function renewRestoredLog(deps: () => Deps): (log: StreamIdentity) => Promise<void> {
  return async (log) => {
    const { store, floor, logAdmin, onFailure } = deps();
    const mark = await store.loadMark();
    const reached = higher(await floor.reached(), mark?.position);
    const renew = async (position: Position, why: string): Promise<never> => {
      if (await logAdmin.renewLog(position)) onFailure("the log was restored and has a new epoch", new Error(why));
      throw new Error(`the log was restored: ${why}`);
    };
    if (reached && comparePositions(endOf(log), reached) < 0) {
      await untilConnected(logAdmin);
      // Another instance may have stored events that are newer than `log`.
      const end = endOf(await logAdmin.log());
      if (end.epoch !== log.epoch || comparePositions(end, reached) < 0)
        await renew(reached, `it ended at ${text(end)}, and had reached ${text(reached)}`);
    }
    if (mark?.position.epoch !== log.epoch || mark.position.seq < log.firstSeq) return;
    const hasOther = await hasOtherEvent(logAdmin, mark).catch((error: Error) => {
      // Without the log administration nothing can be repaired, and projecting the new events is more important.
      onFailure("cannot check whether the log was restored", error);
      return false;
    });
    // `Infinity`: the log may have grown past the mark since it was restored.
    if (hasOther) await renew({ ...mark.position, seq: Infinity }, `it has another event at ${text(mark.position)}`);
  };
}

/** Whether the log has another event at the mark. An event that was erased does not count. */
async function hasOtherEvent(logAdmin: Deps["logAdmin"], { position, fingerprint: known }: Mark): Promise<boolean> {
  await untilConnected(logAdmin);
  const event = await logAdmin.at(position.seq);
  return event !== undefined && fingerprint(event) !== known;
}

/** Resolves on connection, or after some seconds; the caller's next call then fails with the reason. */
export async function untilConnected(logAdmin: Pick<LogAdmin, "connected">): Promise<void> {
  for (const until = performance.now() + CONNECT_LIMIT_MS; !logAdmin.connected && performance.now() < until; )
    await delay(CONNECT_POLL_MS);
}

function endOf({ epoch, lastSeq }: StreamIdentity): Position {
  return { epoch, seq: lastSeq };
}

function higher(a: Position | undefined, b: Position | undefined): Position | undefined {
  return a && (!b || comparePositions(a, b) > 0) ? a : b;
}

function text({ epoch, seq }: Position): string {
  return formatPosition(epoch, seq);
}
