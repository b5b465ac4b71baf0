import type { Static } from "typebox";
import { Type } from "typebox";

/** The server is about to close with 1012: connect again after `reconnectAfter` ms (already jittered). */
export const DrainFrame = Type.Object({ type: Type.Literal("drain"), reconnectAfter: Type.Integer({ minimum: 0 }) });
export type DrainFrame = Static<typeof DrainFrame>;
