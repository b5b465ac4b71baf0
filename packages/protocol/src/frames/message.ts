import type { Static } from "typebox";
import { Type } from "typebox";
import { NONCE_MAX_LENGTH } from "../text.ts";

/** F3: say something. The nonce makes a repeated send harmless; without one a repeat is a second message. */
export const MessageFrame = Type.Object({
  type: Type.Literal("message"),
  room: Type.String(),
  message: Type.String(),
  nonce: Type.String({ minLength: 1, maxLength: NONCE_MAX_LENGTH }),
  replyTo: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
});
export type MessageFrame = Static<typeof MessageFrame>;
