import type { Static } from "typebox";
import { Type } from "typebox";
import { atField, roomField, typeField } from "../fields.ts";

/**
 * A moderator banned or muted a user in this room, or lifted that. The event informs the members. The rule itself is a
 * {@link MemberRule}, which every edge knows before this event arrives.
 */
export const MemberEvent = Type.Object({
  type: typeField("member"),
  room: roomField,
  user: Type.String({ description: "Display name of the user that the act concerns." }),
  userId: Type.Optional(
    Type.String({ description: "The `sub` claim of that user's token. Absent for a bare nickname." }),
  ),
  act: Type.Union([Type.Literal("ban"), Type.Literal("unban"), Type.Literal("mute"), Type.Literal("unmute")], {
    description: "Act of the moderator.",
  }),
  until: Type.Optional(
    Type.String({ description: "End of the ban or mute, ISO 8601 in UTC. Absent: without an end." }),
  ),
  at: atField,
});
export type MemberEvent = Static<typeof MemberEvent>;
