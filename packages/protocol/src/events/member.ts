import type { Static } from "typebox";
import { Type } from "typebox";

/**
 * A moderator acted on a person in this room. It stands in the log for the members to see; what holds is the rule
 * ({@link MemberRule}), which every edge knows before this event comes by.
 */
export const MemberEvent = Type.Object({
  type: Type.Literal("member"),
  room: Type.String(),
  user: Type.String({ description: "Whom it is about." }),
  userId: Type.Optional(Type.String()),
  act: Type.Union([Type.Literal("ban"), Type.Literal("unban"), Type.Literal("mute"), Type.Literal("unmute")]),
  until: Type.Optional(Type.String({ description: "ISO 8601; absent: for good." })),
  at: Type.String(),
});
export type MemberEvent = Static<typeof MemberEvent>;
