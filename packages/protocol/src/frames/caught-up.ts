import type { Static } from "typebox";
import { Type } from "typebox";

/** F2: every event up to `position` has been sent; live from here. */
export const CaughtUpFrame = Type.Object({
  type: Type.Literal("caughtUp"),
  room: Type.String(),
  position: Type.String(),
});
export type CaughtUpFrame = Static<typeof CaughtUpFrame>;
