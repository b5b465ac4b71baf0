import type { Static } from "typebox";
import { Type } from "typebox";
import { atField, nonceField, roomField, textField, typeField, userField, userIdField } from "../fields.ts";

/** A user sent a message. */
export const MessageEvent = Type.Object({
  type: typeField("message"),
  room: roomField,
  user: userField,
  userId: Type.Optional(userIdField),
  message: textField,
  at: atField,
  nonce: Type.Optional(nonceField),
  replyTo: Type.Optional(Type.Integer({ minimum: 1, description: "`seq` of the message that this one answers." })),
});
export type MessageEvent = Static<typeof MessageEvent>;
