/**
 * What moderators have laid down and edges enforce: present state, one rule a room and one a person (in a room, or
 * everywhere), each replacing the one before. Rules are no events: they do not age with the log.
 */
import type { Static } from "typebox";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { RoomStatus } from "./events/index.ts";

export const REASON_MAX_CHARACTERS = 500;
export const SLOW_MODE_MAX_S = 6 * 3600;

export const RoomRule = Type.Object({
  kind: Type.Literal("room"),
  room: Type.String(),
  status: RoomStatus,
  slowModeS: Type.Integer({
    minimum: 0,
    maximum: SLOW_MODE_MAX_S,
    description: "Seconds between two messages of one.",
  }),
  retentionDays: Type.Optional(Type.Integer({ minimum: 1, description: "Absent: for good." })),
});
export type RoomRule = Static<typeof RoomRule>;

export const Sanction = Type.Object({
  reason: Type.String({ maxLength: REASON_MAX_CHARACTERS * 2 }),
  at: Type.String(),
  until: Type.Optional(Type.String({ description: "ISO 8601; absent: for good." })),
});
export type Sanction = Static<typeof Sanction>;

export const MemberRule = Type.Object({
  kind: Type.Literal("member"),
  room: Type.Optional(Type.String({ description: "Absent: everywhere." })),
  userId: Type.Optional(
    Type.String({ description: "The token's subject; absent: whoever bears the name without one." }),
  ),
  user: Type.String(),
  ban: Type.Optional(Sanction),
  mute: Type.Optional(Sanction),
});
export type MemberRule = Static<typeof MemberRule>;

export type Rule = RoomRule | MemberRule;

const validator = Compile(Type.Union([RoomRule, MemberRule]));

/** Whether a stored JSON value is a rule that this version knows. */
export function isRule(value: unknown): value is Rule {
  return validator.Check(value);
}

/** Somebody as rules know them. Who proved an identity is never mistaken for somebody who only bears that name. */
export interface Person {
  readonly userId?: string | undefined;
  readonly user: string;
}

/** A key for a person. It is stored, in the names of rules and in what makes a nonce unique: fixed for good. */
export function whoOf({ userId, user }: Person): string {
  return userId === undefined ? `name:${user}` : `id:${userId}`;
}

/** Whether a sanction holds at `now`, in milliseconds since 1970. */
export function holds(sanction: Sanction | undefined, now: number): boolean {
  return sanction !== undefined && (sanction.until === undefined || Date.parse(sanction.until) > now);
}
