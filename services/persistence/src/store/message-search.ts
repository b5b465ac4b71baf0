import type { HistoryMessage, Person, Room } from "@madang/protocol";
import type { Position } from "./position.ts";

/** An absent criterion matches every message. */
export interface SearchCriteria {
  readonly room?: string;
  readonly text?: string;
  /** A name or an id. */
  readonly person?: string;
}

/** A message as a moderator sees it. A deleted message keeps its text until it is erased. */
export interface FoundMessage extends HistoryMessage {
  readonly room: string;
}

export interface MessageSearch {
  /**
   * Rooms with the text in their name, ordered by name.
   * @throws ProtocolError `history_unavailable` when the search takes too long
   */
  rooms(text: string, after: string | undefined, limit: number): Promise<Room[]>;

  /** An estimate, taken in constant time. */
  countRooms(): Promise<number>;

  /**
   * Within one room: newest first, before the position `before`. Over all rooms the order is undefined.
   * @throws ProtocolError `history_unavailable` when the search takes too long
   */
  messages(criteria: SearchCriteria, before: Position | undefined, limit: number): Promise<FoundMessage[]>;

  /** All stored messages of a person. */
  messagesBy(person: Person): AsyncIterable<FoundMessage>;

  /** Whether this room has a message at that position, deleted or not. */
  hasMessage(room: string, position: Position): Promise<boolean>;
}
