import type { Desk, StreamIdentity } from "@madang/broker";
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
): (log: StreamIdentity) => Promise<void> {
  return async ({ epoch, lastSeq }) => {
    const reached = await floor().reached();
    if (!reached || comparePlaces({ epoch, seq: lastSeq }, reached) >= 0) return;
    await desk().renewLog(reached);
    throw new Error("it ended before what is stored, as a restored copy does, and gets a new epoch");
  };
}
