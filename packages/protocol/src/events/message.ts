import type { Static } from "typebox";
import { Type } from "typebox";

/** Somebody said something. */
export const MessageEvent = Type.Object({
  type: Type.Literal("message"),
  room: Type.String(),
  user: Type.String({ description: "Name shown." }),
  userId: Type.Optional(Type.String({ description: "The token's subject, where the sender proved who they are." })),
  message: Type.String(),
  at: Type.String({ description: "ISO 8601, by the edge's clock." }),
  nonce: Type.Optional(Type.String({ description: "The sender's own id for this message; unique per room and user." })),
  replyTo: Type.Optional(Type.Integer({ minimum: 1, description: "seq of the message answered." })),
});
export type MessageEvent = Static<typeof MessageEvent>;
