import type { FoundLog, LogAdmin } from "@madang/broker";
import { formatPosition } from "@madang/protocol";
import { comparePositions } from "../store/position.ts";
import type { Store } from "../store/store.ts";
import type { Floor } from "./floor.ts";
import { untilConnected } from "./restored-log.ts";

interface Deps {
  readonly store: Pick<Store, "loadMark">;
  readonly floor: Pick<Floor, "forget" | "known">;
  readonly logAdmin: Pick<LogAdmin, "connected" | "rereadLog">;
  readonly onFailure: (what: string, error: Error) => void;
}

/**
 * For `openConsumer`: a store that has not come as far as was acknowledged is an older copy of itself, or a new one. The log still has its
 * last days, so they are read once more; what the store has of them is not doubled. Nothing is fetched before that is
 * settled: one batch, and nobody could see any more that something is missing before it.
 * @param deps asked at the first look: they come to be after the consumer
 */
export function rereadForRestoredStore(deps: () => Deps): (log: FoundLog) => Promise<void> {
  return async ({ epoch, firstSeq, ackFloor }) => {
    const { store, floor, logAdmin, onFailure } = deps();
    const position = (await store.loadMark())?.position;
    // Another instance has had it read again already.
    if (floor.known && (!position || comparePositions(position, floor.known) < 0)) await floor.forget();
    // Nothing was acknowledged, or what was has left the log: there is nothing to be read again.
    if (ackFloor === 0 || ackFloor < firstSeq) return;
    if (position && comparePositions(position, { epoch, seq: ackFloor }) >= 0) return;
    await untilConnected(logAdmin);
    await logAdmin.rereadLog(epoch);
    await floor.forget();
    const had = position ? `ends at ${formatPosition(position.epoch, position.seq)}` : "is empty";
    const why = new Error(`it ${had}, and ${formatPosition(epoch, ackFloor)} had been stored`);
    onFailure("the store was put back, and the log is read again from its beginning", why);
  };
}
