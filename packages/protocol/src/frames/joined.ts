import type { Static } from "typebox";
import { Type } from "typebox";

/**
 * F2: the answer to join, before any event of the room. `recovered: false` means that what happened after the
 * position asked for cannot be replayed: fetch the history afresh, then go on from `position`.
 * A second `joined` with `recovered: false` comes unasked when the log itself was made anew.
 */
export const JoinedFrame = Type.Object({
  type: Type.Literal("joined"),
  room: Type.String(),
  epoch: Type.String(),
  position: Type.String({ description: "The room's head at the time of joining." }),
  recovered: Type.Boolean(),
});
export type JoinedFrame = Static<typeof JoinedFrame>;
