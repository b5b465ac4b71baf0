import type { Desk, StreamIdentity } from "@madang/broker";
import { formatPosition } from "@madang/protocol";
import type { Floor } from "./floor.ts";
import { comparePlaces } from "./keys.ts";

/**
 * For `openConsumer`: a log that ends before what is in the store is an older copy of itself, or lost its end with a disk.
 * It would give the same sequences again, and what is stored under them would be taken for what others know by them:
 * nobody would be told of it, and history refuse it. So it gets a new epoch before anything of it is fetched.
 */
export function renewWhenRewound(
  floor: () => Pick<Floor, "reached">,
  desk: () => Pick<Desk, "renewLog">,
  onTrouble: (what: string, error: Error) => void,
): (log: StreamIdentity) => Promise<void> {
  return async ({ epoch, lastSeq }) => {
    const reached = await floor().reached();
    if (!reached || comparePlaces({ epoch, seq: lastSeq }, reached) >= 0) return;
    const places = `it ended at ${formatPosition(epoch, lastSeq)}, and had reached ${formatPosition(reached.epoch, reached.seq)}`;
    if (await desk().renewLog(reached)) onTrouble("the log was put back, and has a new epoch", new Error(places));
    throw new Error(`it was put back: ${places}`);
  };
}
