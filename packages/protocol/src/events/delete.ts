import type { Static } from "typebox";
import { Type } from "typebox";

/** An earlier message was taken back, by its author or a moderator. It wins over every edit. */
export const DeleteEvent = Type.Object({
  type: Type.Literal("delete"),
  room: Type.String(),
  user: Type.String(),
  userId: Type.Optional(Type.String()),
  target: Type.Integer({ minimum: 1, description: "seq of the message deleted." }),
  at: Type.String(),
  nonce: Type.Optional(Type.String()),
});
export type DeleteEvent = Static<typeof DeleteEvent>;
