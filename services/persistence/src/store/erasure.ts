import type { Person } from "@madang/protocol";
import type { Position } from "./position.ts";

/** The removal of stored data. Every method is idempotent. */
export interface Erasure {
  /** Marks a message as deleted. For messages of an earlier epoch, which no event of the present log can refer to. */
  markDeleted(room: string, position: Position, at: string): Promise<void>;

  /** Empties a person's messages and replaces their name, in dead letters and the audit log too. */
  erasePerson(person: Person, at: string): Promise<void>;

  /**
   * Empties the messages at these positions for good. A message that is projected there later, or again, stays empty.
   * That includes repeated sends, which the projection had dropped.
   */
  eraseMessages(
    positions: readonly { readonly room: string; readonly position: Position }[],
    at: string,
  ): Promise<void>;

  /** Removes a room, its messages up to `upTo`, and its dead letters up to there. */
  eraseRoom(room: string, upTo: Position): Promise<void>;

  /** Removes a room's messages older than `before` (ISO 8601). @returns the number of messages removed */
  eraseOlder(room: string, before: string): Promise<number>;
}
