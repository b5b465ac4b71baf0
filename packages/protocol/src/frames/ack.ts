import type { Static } from "typebox";
import { Type } from "typebox";
import { epochField, roomField, seqField, typeField } from "../fields.ts";

/** F3: the acknowledgement of a message: the log has stored it. */
export const AckFrame = Type.Object({
  type: typeField("ack"),
  nonce: Type.String({ description: "Nonce of the stored message." }),
  room: roomField,
  seq: seqField,
  epoch: epochField,
  duplicate: Type.Boolean({ description: "`true` if an earlier send with this nonce was stored, as `seq`." }),
});
export type AckFrame = Static<typeof AckFrame>;
