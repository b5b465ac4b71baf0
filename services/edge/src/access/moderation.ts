import { type Identity, may } from "@madang/auth";
import type { Rules } from "@madang/broker";
import {
  holds,
  type MemberRule,
  type Person,
  ProtocolError,
  type RoomRule,
  type Rule,
  type Sanction,
  whoOf,
} from "@madang/protocol";
import type { Member } from "../rooms/member.ts";
import type { Connection } from "../socket/connection.ts";
import type { Usage } from "./shared-usage.ts";

const READ_ONLY = 1;
const CLOSED = 2;

/** What may be said at all. Asked for each message before it is stored; must be quick and never throw. */
export interface MessageFilter {
  allows(message: string, room: string, person: Person): boolean;
}

export const NO_FILTER: MessageFilter = { allows: () => true };

/** What it needs to know of who is here, to put people out. */
export interface Present {
  readonly connections: Iterable<Connection>;
  membersOf(room: string): Iterable<Member>;
}

/**
 * What moderators have laid down, enforced: at every door, and on those who are inside when it is laid down. Whoever
 * may moderate a room is held by neither its status nor its slow mode.
 */
export class Moderation {
  readonly #rules: Rules;
  readonly #filter: MessageFilter;
  readonly #usage: Usage;

  constructor(rules: Rules, filter: MessageFilter, present: Present, usage: Usage) {
    this.#rules = rules;
    this.#filter = filter;
    this.#usage = usage;
    rules.onChange((rule) => enforce(rule, present));
  }

  /** @throws ProtocolError `not_allowed` for whoever is banned everywhere */
  requireEntrance(person: Person): void {
    refuseBanned(this.#rules.member(undefined, person));
  }

  /** @throws ProtocolError `not_allowed` */
  requireNotBanned(person: Person, room: string): void {
    requireNotBanned(this.#rules, person, room);
  }

  /** @throws ProtocolError `not_allowed`, `room_closed` */
  requireJoin(person: Person, room: string, identity: Identity): void {
    this.requireNotBanned(person, room);
    if (this.#rules.room(room)?.status === CLOSED && !may(identity, room, "moderate")) {
      throw new ProtocolError("room_closed");
    }
  }

  /**
   * Whether anything may be said at all.
   * @returns the room's rule, for who is held by it
   * @throws ProtocolError `not_allowed`, `muted`, `room_closed`, `room_read_only`
   */
  requireVoice(person: Person, room: string, identity: Identity): RoomRule | undefined {
    this.requireNotBanned(person, room);
    for (const where of [undefined, room]) {
      const mute = this.#rules.member(where, person)?.mute;
      if (holds(mute, Date.now())) throw new ProtocolError("muted", waitOf(mute));
    }
    const rule = this.#rules.room(room);
    if (!rule || may(identity, room, "moderate")) return undefined;
    if (rule.status === CLOSED) throw new ProtocolError("room_closed");
    if (rule.status === READ_ONLY) throw new ProtocolError("room_read_only");
    return rule;
  }

  /** @throws ProtocolError as {@link requireVoice}, `not_allowed` (the filter), `rate_limited` (slow mode) */
  requireSend(person: Person, room: string, identity: Identity, message: string): void {
    const rule = this.requireVoice(person, room, identity);
    if (!this.#filter.allows(message, room, person)) {
      throw new ProtocolError("not_allowed", {
        field: "message",
        message: "The message has a word that is not allowed.",
      });
    }
    // Last: a message that is refused for something else costs nobody their turn.
    if (rule && rule.slowModeS > 0) this.#takeTurn(person, room, rule.slowModeS);
  }

  #takeTurn(person: Person, room: string, seconds: number): void {
    // By its length, too: when a moderator changes it, everybody begins anew.
    const waitMs = this.#usage.take(`turn ${seconds} ${room}\n${whoOf(person)}`, {
      count: 1,
      windowMs: seconds * 1000,
    });
    if (waitMs > 0) {
      throw new ProtocolError("rate_limited", { retryAfter: waitMs / 1000, message: "This room is in slow mode." });
    }
  }
}

/** @throws ProtocolError `not_allowed` for whoever is banned from the room, or everywhere */
export function requireNotBanned(rules: Rules, person: Person, room: string): void {
  refuseBanned(rules.member(undefined, person));
  refuseBanned(rules.member(room, person));
}

function refuseBanned(rule: MemberRule | undefined): void {
  if (holds(rule?.ban, Date.now())) throw banned(rule?.ban);
}

function banned(ban: Sanction | undefined): ProtocolError {
  return new ProtocolError("not_allowed", { message: "A moderator has banned you.", ...waitOf(ban) });
}

function waitOf(sanction: Sanction | undefined): { retryAfter?: number } {
  return sanction?.until === undefined ? {} : { retryAfter: (Date.parse(sanction.until) - Date.now()) / 1000 };
}

/** Puts out whoever a new rule concerns: of the room, or of the edge (3503). */
function enforce(rule: Rule, present: Present): void {
  if (rule.kind === "room") {
    if (rule.status !== CLOSED) return;
    for (const { connection } of [...present.membersOf(rule.room)]) {
      if (connection.identity && may(connection.identity, rule.room, "moderate")) continue;
      putOut(connection, rule.room, new ProtocolError("room_closed"));
    }
    return;
  }
  if (!holds(rule.ban, Date.now())) return;
  const reason = banned(rule.ban);
  for (const connection of [...present.connections]) {
    if (!isAbout(rule, connection)) continue;
    if (rule.room === undefined) {
      connection.sendError(reason);
      connection.close("removed");
    } else {
      putOut(connection, rule.room, reason);
    }
  }
}

function putOut(connection: Connection, room: string, reason: ProtocolError): void {
  if (connection.isPlain) {
    if (!connection.members.has(room)) return;
    connection.sendError(reason);
    connection.close("removed");
  } else if (connection.leaveRoom(room)) {
    connection.sendError(reason, { room });
  }
}

function isAbout({ userId, user }: MemberRule, connection: Connection): boolean {
  const id = connection.identity?.userId;
  return userId === undefined ? id === undefined && connection.spokenAs === user : id === userId;
}
