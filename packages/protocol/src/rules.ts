/**
 * Moderation rules, which edges enforce. A rule is current state: one for each room, and one for each user in a room or
 * everywhere. A new rule replaces the one before. Rules are not events, so the log's retention does not remove them.
 */
import type { Static } from "typebox";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { RoomStatus } from "./events/index.ts";
import { roomField, userField } from "./fields.ts";

/** Longest reason of a ban or mute, in code points. */
export const REASON_MAX_CHARACTERS = 500;
/** Longest interval of slow mode, in seconds. */
export const SLOW_MODE_MAX_S = 6 * 3600;

export const RoomRule = Type.Object({
  kind: Type.Literal("room", { description: "Always `room`." }),
  room: roomField,
  status: RoomStatus,
  slowModeS: Type.Integer({
    minimum: 0,
    maximum: SLOW_MODE_MAX_S,
    description: "Slow mode: seconds between two messages of one user. 0: off.",
  }),
  deleted: Type.Optional(Type.Literal(true, { description: "The room is closed because it is being deleted." })),
  retentionDays: Type.Optional(Type.Integer({ minimum: 1, description: "Retention in days. Absent: unlimited." })),
});
export type RoomRule = Static<typeof RoomRule>;

export const Sanction = Type.Object({
  reason: Type.String({ maxLength: REASON_MAX_CHARACTERS * 2, description: "Reason, up to 500 characters." }),
  at: Type.String({ description: "Time of the act, ISO 8601 in UTC." }),
  until: Type.Optional(Type.String({ description: "End, ISO 8601 in UTC. Absent: without an end." })),
});
export type Sanction = Static<typeof Sanction>;

export const MemberRule = Type.Object({
  kind: Type.Literal("member", { description: "Always `member`." }),
  room: Type.Optional(Type.String({ description: "Room of the rule. Absent: every room." })),
  userId: Type.Optional(
    Type.String({ description: "The `sub` claim of the token. Absent: every user with this name and no token." }),
  ),
  user: userField,
  ban: Type.Optional(Type.Object(Sanction.properties, { description: "The user may not enter." })),
  mute: Type.Optional(Type.Object(Sanction.properties, { description: "The user may not write." })),
});
export type MemberRule = Static<typeof MemberRule>;

export type Rule = RoomRule | MemberRule;

const validator = Compile(Type.Union([RoomRule, MemberRule]));

/** Whether a stored JSON value is a rule that this version knows. */
export function isRule(value: unknown): value is Rule {
  return validator.Check(value);
}

/** A user, as rules identify users. A user with an id never matches a bare nickname, even an equal one. */
export interface Person {
  readonly userId?: string | undefined;
  readonly user: string;
}

/** The key of a user. It is stored in the names of rules and in message ids, so its form must never change. */
export function whoOf({ userId, user }: Person): string {
  return userId === undefined ? `name:${user}` : `id:${userId}`;
}

/** Whether a ban or mute holds at `now`, in milliseconds since 1970. */
export function holds(sanction: Sanction | undefined, now: number): boolean {
  return sanction !== undefined && (sanction.until === undefined || Date.parse(sanction.until) > now);
}
