import type { Static } from "typebox";
import { Type } from "typebox";
import { roomField, typeField, userField, userIdField } from "../fields.ts";

/** F4: the user of this client is typing. Repeat it every 3 s for as long as that holds. It has no answer. */
export const TypingFrame = Type.Object({ type: typeField("typing"), room: roomField });
export type TypingFrame = Static<typeof TypingFrame>;

/** F4: another member is typing. The notice holds for {@link TYPING_HOLDS_MS}, or until that member's next message. */
export const TypingNotice = Type.Object({
  type: typeField("typing"),
  room: roomField,
  user: userField,
  userId: Type.Optional(userIdField),
});
export type TypingNotice = Static<typeof TypingNotice>;
