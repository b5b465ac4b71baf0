import type { Static } from "typebox";
import { Type } from "typebox";
import { roomField, textField, typeField } from "../fields.ts";
import { NONCE_MAX_LENGTH } from "../text.ts";

/** F3: sends a message. The server answers with `ack` once the message is stored, or with an error. */
export const MessageFrame = Type.Object({
  type: typeField("message"),
  room: roomField,
  message: textField,
  nonce: Type.String({
    minLength: 1,
    maxLength: NONCE_MAX_LENGTH,
    description: "Idempotency key, unique per room and user. Repeat a send unchanged, with the same nonce.",
  }),
  replyTo: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: "`seq` of the message that this one answers.",
    }),
  ),
});
export type MessageFrame = Static<typeof MessageFrame>;
