import type { Static } from "typebox";
import { Type } from "typebox";
import { roomField, typeField } from "../fields.ts";

/** F2: the replay is complete. The server has sent every event up to `position`; later events are live. */
export const CaughtUpFrame = Type.Object({
  type: typeField("caughtUp"),
  room: roomField,
  position: Type.String({ description: "Position up to which the client has every event." }),
});
export type CaughtUpFrame = Static<typeof CaughtUpFrame>;
