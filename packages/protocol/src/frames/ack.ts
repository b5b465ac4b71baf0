import type { Static } from "typebox";
import { Type } from "typebox";

/** F3: the message is stored as `seq`. `duplicate`: it was stored before, by an earlier send with this nonce. */
export const AckFrame = Type.Object({
  type: Type.Literal("ack"),
  nonce: Type.String(),
  room: Type.String(),
  seq: Type.Integer({ minimum: 1 }),
  epoch: Type.String(),
  duplicate: Type.Boolean(),
});
export type AckFrame = Static<typeof AckFrame>;
