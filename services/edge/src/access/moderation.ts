import { type Identity, may } from "@madang/auth";
import type { Rules } from "@madang/broker";
import { holds, type MemberRule, type Person, ProtocolError, type RoomRule, type Rule, whoOf } from "@madang/protocol";
import { banError, isBanned, requireEntrance, requireNotBanned, retryAfterOf } from "./bans.ts";
import type { MessageFilter } from "./message-filter.ts";
import type { SharedUsage } from "./shared-usage.ts";

const READ_ONLY = 1;
const CLOSED = 2;

/** A session as a new rule concerns it. */
export interface ModeratedSession {
  readonly identity: Identity | undefined;
  /** The name last used in it. */
  readonly spokenAs: string | undefined;
  /** Tells the reason and ends the session (3503). */
  remove(reason: ProtocolError): void;
  /** Tells the reason and takes the session out of one room, if it is in there. */
  removeFrom(room: string, reason: ProtocolError): void;
}

/** The sessions of this edge. */
export interface ModeratedSessions {
  readonly all: Iterable<ModeratedSession>;
  inRoom(room: string): Iterable<ModeratedSession>;
}

/**
 * Checks every join and message against the moderators' rules. Room status and slow mode do not apply to a moderator of
 * the room.
 */
export class Moderation {
  readonly #rules: Rules;
  readonly #filter: MessageFilter;
  readonly #usage: SharedUsage;

  constructor(rules: Rules, filter: MessageFilter, usage: SharedUsage) {
    this.#rules = rules;
    this.#filter = filter;
    this.#usage = usage;
  }

  /** @throws ProtocolError `not_allowed` for a person who is banned everywhere */
  requireEntrance(person: Person): void {
    requireEntrance(this.#rules, person);
  }

  isBannedEverywhere(person: Person): boolean {
    return isBanned(this.#rules.member(undefined, person));
  }

  /** @throws ProtocolError `not_allowed`, `room_closed`, `room_deleted` */
  requireJoin(person: Person, room: string, identity: Identity): void {
    requireNotBanned(this.#rules, person, room);
    const rule = this.#rules.room(room);
    if (rule?.status === CLOSED && !may(identity, room, "moderate")) throw closedError(rule);
  }

  /**
   * Requires that the person may speak in the room.
   * @returns the room's rule; `undefined` where none applies to this person
   * @throws ProtocolError `not_allowed`, `muted`, `room_closed`, `room_deleted`, `room_read_only`
   */
  requireVoice(person: Person, room: string, identity: Identity): RoomRule | undefined {
    requireNotBanned(this.#rules, person, room);
    for (const where of [undefined, room]) {
      const mute = this.#rules.member(where, person)?.mute;
      if (holds(mute, Date.now())) throw new ProtocolError("muted", retryAfterOf(mute));
    }
    const rule = this.#rules.room(room);
    if (!rule || may(identity, room, "moderate")) return undefined;
    if (rule.status === CLOSED) throw closedError(rule);
    if (rule.status === READ_ONLY) throw new ProtocolError("room_read_only");
    return rule;
  }

  /** @throws ProtocolError `not_allowed` for a text that the message filter does not allow */
  requireAllowedText(message: string, room: string, person: Person): void {
    if (this.#filter.allows(message, room, person)) return;
    throw new ProtocolError("not_allowed", {
      field: "message",
      message: "The message contains a word that is not allowed.",
    });
  }

  /**
   * Takes the person's turn in a room with slow mode. It comes after every other check: a message that is refused for
   * another reason costs no turn.
   * @param rule as {@link requireVoice} returned it
   * @throws ProtocolError `rate_limited`
   */
  takeSlowModeTurn(rule: RoomRule | undefined, person: Person, room: string): void {
    if (!rule || rule.slowModeS === 0) return;
    // The interval is part of the key: when a moderator changes it, all turns begin anew.
    const waitMs = this.#usage.take(`turn ${rule.slowModeS} ${room}\n${whoOf(person)}`, {
      count: 1,
      windowMs: rule.slowModeS * 1000,
    });
    if (waitMs > 0) {
      throw new ProtocolError("rate_limited", { retryAfter: waitMs / 1000, message: "This room is in slow mode." });
    }
  }
}

/** Applies every new rule to the sessions that it concerns: it removes them from the room, or from the edge (3503). */
export function enforceRules(rules: Rules, sessions: ModeratedSessions): void {
  rules.onChange((rule) => enforce(rule, sessions));
}

function enforce(rule: Rule, sessions: ModeratedSessions): void {
  if (rule.kind === "room") {
    if (rule.status !== CLOSED) return;
    for (const session of [...sessions.inRoom(rule.room)]) {
      if (session.identity && may(session.identity, rule.room, "moderate")) continue;
      session.removeFrom(rule.room, closedError(rule));
    }
    return;
  }
  if (!isBanned(rule)) return;
  const reason = banError(rule.ban);
  for (const session of [...sessions.all]) {
    if (!isAbout(rule, session)) continue;
    if (rule.room === undefined) session.remove(reason);
    else session.removeFrom(rule.room, reason);
  }
}

/** Tells a deletion from a closing: a client drops what it shows of a deleted room. */
function closedError({ deleted }: RoomRule): ProtocolError {
  return new ProtocolError(deleted ? "room_deleted" : "room_closed");
}

function isAbout({ userId, user }: MemberRule, session: ModeratedSession): boolean {
  const id = session.identity?.userId;
  return userId === undefined ? id === undefined && session.spokenAs === user : id === userId;
}
