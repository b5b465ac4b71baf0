import type { Rules } from "@madang/broker";
import { holds, type MemberRule, type Person, ProtocolError, type Sanction } from "@madang/protocol";

/** @throws ProtocolError `not_allowed` for a person who is banned from the room, or everywhere */
export function requireNotBanned(rules: Rules, person: Person, room: string): void {
  refuseBanned(rules.member(undefined, person));
  refuseBanned(rules.member(room, person));
}

/** @throws ProtocolError `not_allowed` for a person who is banned everywhere */
export function requireEntrance(rules: Rules, person: Person): void {
  refuseBanned(rules.member(undefined, person));
}

export function isBanned(rule: MemberRule | undefined): boolean {
  return holds(rule?.ban, Date.now());
}

export function banError(ban: Sanction | undefined): ProtocolError {
  return new ProtocolError("not_allowed", { message: "A moderator has banned you.", ...retryAfterOf(ban) });
}

/** Seconds until a sanction ends; empty for one without an end. */
export function retryAfterOf(sanction: Sanction | undefined): { retryAfter?: number } {
  return sanction?.until === undefined ? {} : { retryAfter: (Date.parse(sanction.until) - Date.now()) / 1000 };
}

function refuseBanned(rule: MemberRule | undefined): void {
  if (isBanned(rule)) throw banError(rule?.ban);
}
