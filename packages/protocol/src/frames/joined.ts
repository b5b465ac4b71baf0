import type { Static } from "typebox";
import { Type } from "typebox";
import { epochField, roomField, typeField } from "../fields.ts";

/**
 * F2: the answer to `join`. It precedes every event of the room. With `recovered: false` the client fetches the history
 * again and continues from `position`. The server also sends it unasked, with `recovered: false`, when the log was
 * created anew or restored to an older state.
 */
export const JoinedFrame = Type.Object({
  type: typeField("joined"),
  room: roomField,
  epoch: epochField,
  position: Type.String({ description: "The room's head at the time of the join." }),
  recovered: Type.Boolean({
    description: "`false` if events after the requested position cannot be replayed.",
  }),
});
export type JoinedFrame = Static<typeof JoinedFrame>;
