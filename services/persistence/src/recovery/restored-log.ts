import { setTimeout as delay } from "node:timers/promises";
import type { LogAdmin, StreamIdentity } from "@madang/broker";
import { formatPosition } from "@madang/protocol";
import { comparePositions, type Position } from "../store/position.ts";
import type { Mark, Store } from "../store/store.ts";
import type { Floor } from "./floor.ts";
import { fingerprint } from "./mark.ts";

/** The log admin has a connection of its own, which comes back in its own time. */
const ADMIN_LIMIT_MS = 3000;
const DESK_POLL_MS = 20;

interface Deps {
  readonly floor: Pick<Floor, "reached">;
  readonly store: Pick<Store, "loadMark">;
  readonly logAdmin: Pick<LogAdmin, "connected" | "log" | "at" | "renewLog">;
  readonly onFailure: (what: string, error: Error) => void;
}

/**
 * For `openConsumer`: a log that ends before what is in the store, or has another event at the last position that was stored, is
 * an older copy of itself that may have been written to since, or lost its end with a disk. It gives the same
 * sequences again, and what is stored under them would be taken for what others know by them: nobody would be told of
 * it, and history refuse it. So it gets a new epoch before anything of it is fetched.
 * @param deps asked at the first look: they come to be after the consumer
 */
export function renewRestoredLog(deps: () => Deps): (log: StreamIdentity) => Promise<void> {
  return async (log) => {
    const { store, floor, logAdmin, onFailure } = deps();
    const mark = await store.loadMark();
    const reached = higher(await floor.reached(), mark?.position);
    const renew = async (position: Position, why: string): Promise<never> => {
      if (await logAdmin.renewLog(position)) onFailure("the log was put back, and has a new epoch", new Error(why));
      throw new Error(`it was put back: ${why}`);
    };
    if (reached && comparePositions(endOf(log), reached) < 0) {
      await untilConnected(logAdmin);
      // Another instance may have stored what was said since the log was looked at.
      const end = endOf(await logAdmin.log());
      if (end.epoch !== log.epoch || comparePositions(end, reached) < 0)
        await renew(reached, `it ended at ${say(end)}, and had reached ${say(reached)}`);
    }
    if (mark?.position.epoch !== log.epoch || mark.position.seq < log.firstSeq) return;
    const isAnother = await hasAnother(logAdmin, mark).catch((error: Error) => {
      // Without the log admin's connection nothing could be done about it either, and what was said is to be stored.
      onFailure("it cannot be seen whether the log was put back", error);
      return false;
    });
    // However far it has come since, it has been further.
    if (isAnother) await renew({ ...mark.position, seq: Infinity }, `it has another event at ${say(mark.position)}`);
  };
}

/** One that was erased is not another. */
async function hasAnother(logAdmin: Deps["logAdmin"], { position, fingerprint: known }: Mark): Promise<boolean> {
  await untilConnected(logAdmin);
  const event = await logAdmin.at(position.seq);
  return event !== undefined && fingerprint(event) !== known;
}

/** Resolves when it is, or after some seconds: what is asked of it then says that it is not. */
export async function untilConnected(logAdmin: Pick<LogAdmin, "connected">): Promise<void> {
  for (const until = performance.now() + ADMIN_LIMIT_MS; !logAdmin.connected && performance.now() < until; )
    await delay(DESK_POLL_MS);
}

function endOf({ epoch, lastSeq }: StreamIdentity): Position {
  return { epoch, seq: lastSeq };
}

function higher(a: Position | undefined, b: Position | undefined): Position | undefined {
  return a && (!b || comparePositions(a, b) > 0) ? a : b;
}

function say({ epoch, seq }: Position): string {
  return formatPosition(epoch, seq);
}
