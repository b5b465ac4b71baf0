import type { MemberRule, Person, RoomRule, Rule } from "@madang/protocol";

/** The moderators' rules as this process knows them: all of them, in memory. Empty until they are read. */
export interface Rules {
  room(room: string): RoomRule | undefined;
  /** The rule about a person in a room, or without a room the one that holds everywhere. */
  member(room: string | undefined, person: Person): MemberRule | undefined;
  all(): Rule[];
  /** Called for each rule that is new or changed, also for those read at the start. A change arrives within 5 s, usually within milliseconds. */
  onChange(listener: (rule: Rule) => void): void;
}

/** For a service without moderators. */
export const NO_RULES: Rules = { room: () => undefined, member: () => undefined, all: () => [], onChange: () => {} };
