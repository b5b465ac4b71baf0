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
 * For `openConsumer`: projects the whole log again into a restored store.
 *
 * A store is restored when its mark is behind the acknowledged events: it is an older copy, or empty. The log still has
 * the last days, and projecting an event twice changes nothing. The check comes before any event is fetched, because one
 * stored batch would move the mark and hide the missing events before it.
 * @param deps called at the first check, because the consumer is created before the dependencies
 */
export function rereadForRestoredStore(deps: () => Deps): (log: FoundLog) => Promise<void> {
  return async ({ epoch, firstSeq, ackFloor }) => {
    const { store, floor, logAdmin, onFailure } = deps();
    const position = (await store.loadMark())?.position;
    // Another instance has already started the projection again.
    if (floor.known && (!position || comparePositions(position, floor.known) < 0)) await floor.forget();
    // No event was acknowledged, or the log no longer has any acknowledged event.
    if (ackFloor === 0 || ackFloor < firstSeq) return;
    if (position && comparePositions(position, { epoch, seq: ackFloor }) >= 0) return;
    await untilConnected(logAdmin);
    await logAdmin.rereadLog(epoch);
    await floor.forget();
    const state = position ? `ends at ${formatPosition(position.epoch, position.seq)}` : "is empty";
    const why = new Error(`the store ${state}, and ${formatPosition(epoch, ackFloor)} had been stored`);
    onFailure("the store was restored, and the log is projected again from its beginning", why);
  };
}
