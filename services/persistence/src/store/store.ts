/** Where history lives. Every method states its guarantee. */
import type { HistoryMessage, Room } from "@madang/protocol";
import type { Changes, DeadLetter } from "./changes.ts";
import type { Position } from "./position.ts";

/** An event that the log had at a position: which one, without saying what it was. */
export interface Mark {
  readonly position: Position;
  readonly fingerprint: string;
}

/** An event that the store will never take. */
export interface Refusal {
  readonly position: Position;
  readonly reason: string;
}

/** Bounds on positions; absent: open. */
export interface Range {
  readonly after?: Position | undefined;
  readonly from?: Position | undefined;
  readonly before?: Position | undefined;
  readonly upTo?: Position | undefined;
}

export type Order = "oldest first" | "newest first";

export interface Store {
  /** Whether it can be written to now, as of the last heartbeat (at most a few seconds ago). */
  readonly ready: boolean;

  /** Called when it can be written to again after it could not: it may be another copy of itself. */
  onBack(listener: () => void): void;

  /** Brings the data to this version's shape. To be awaited before `write`. @throws when it cannot be reached now */
  open(): Promise<void>;

  /**
   * Applies changes. When it resolves, they and their dead letters are on the disks of a majority, except for what it
   * returns: messages whose position another message holds, and what no repetition would make acceptable. When it rejects,
   * any part of them may have been applied: repeat all.
   */
  write(changes: Changes): Promise<Refusal[]>;

  /** Keeps dead letters, each once however often it is repeated. Durable like `write`. */
  keepDeadLetters(letters: readonly DeadLetter[]): Promise<void>;

  /**
   * Messages of a room within a range, at most `limit`. Sees every write that was acknowledged before the call. One
   * indexed range read. @throws ProtocolError `history_unavailable`, as all that follow
   */
  messages(room: string, range: Range, order: Order, limit: number): Promise<HistoryMessage[]>;

  room(name: string): Promise<Room | undefined>;
  /** Names of rooms in their order, of those after `after`, at most `limit`. */
  roomNames(after: string | undefined, limit: number): Promise<string[]>;
  /** Those of the rooms that there are, in the order of their names. */
  rooms(names: readonly string[]): Promise<Room[]>;
  /** Gets the room or makes it, as of `at`; of several callers at once, one made it. */
  ensureRoom(name: string, at: string): Promise<{ readonly room: Room; readonly created: boolean }>;

  /** The highest floor that any instance saved. */
  loadFloor(): Promise<Position | undefined>;
  /** Never lowers it. */
  saveFloor(floor: Position): Promise<void>;

  /** The mark with the highest position that any instance saved. */
  loadMark(): Promise<Mark | undefined>;
  /** Never lowers it. As durable as the next `write` by the time that has resolved; by itself it waits for no disk. */
  saveMark(mark: Mark): Promise<void>;

  /** Idempotent. */
  close(): Promise<void>;
}
