import type { Static } from "typebox";
import { Type } from "typebox";

/** The text of an earlier message changed. The edit with the highest seq wins. */
export const EditEvent = Type.Object({
  type: Type.Literal("edit"),
  room: Type.String(),
  user: Type.String(),
  userId: Type.Optional(Type.String()),
  target: Type.Integer({ minimum: 1, description: "seq of the message edited." }),
  message: Type.String(),
  at: Type.String(),
  nonce: Type.Optional(Type.String()),
});
export type EditEvent = Static<typeof EditEvent>;
