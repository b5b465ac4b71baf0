import type { Static } from "typebox";
import { Type } from "typebox";

/** F4: I am writing something in there. To be said again every few seconds while that is so. */
export const TypingFrame = Type.Object({ type: Type.Literal("typing"), room: Type.String() });
export type TypingFrame = Static<typeof TypingFrame>;

/** F4: somebody else is. Holds for TYPING_HOLDS_MS, or until a message of theirs. */
export const TypingNotice = Type.Object({
  type: Type.Literal("typing"),
  room: Type.String(),
  user: Type.String(),
  userId: Type.Optional(Type.String()),
});
export type TypingNotice = Static<typeof TypingNotice>;
