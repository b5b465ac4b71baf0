import type { Static } from "typebox";
import { Type } from "typebox";

/** F5: leave a room. */
export const LeaveFrame = Type.Object({ type: Type.Literal("leave"), room: Type.String() });
export type LeaveFrame = Static<typeof LeaveFrame>;
