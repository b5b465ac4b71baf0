import type { Static } from "typebox";
import { Type } from "typebox";

/** F5: the answer to leave; no event of the room follows. */
export const LeftFrame = Type.Object({ type: Type.Literal("left"), room: Type.String() });
export type LeftFrame = Static<typeof LeftFrame>;
