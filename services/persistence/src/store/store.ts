/** The store of history and of the checkpoint. */
import type { HistoryMessage, Room } from "@madang/protocol";
import type { Changes, DeadLetter } from "./changes.ts";
import type { Position } from "./position.ts";

/** The position and hash of the last event of a batch. */
export interface Mark {
  readonly position: Position;
  readonly fingerprint: string;
}

/** An event that the store will never accept. */
export interface Refusal {
  readonly position: Position;
  readonly reason: string;
}

/** Bounds on positions. An absent bound is open. */
export interface Range {
  readonly after?: Position | undefined;
  readonly from?: Position | undefined;
  readonly before?: Position | undefined;
  readonly upTo?: Position | undefined;
}

export type Order = "oldest first" | "newest first";

export interface Store {
  /** Whether the store is migrated and accepts writes, by its last heartbeat (at most a few seconds ago). */
  readonly ready: boolean;

  /** Calls the listener when the store becomes ready again after an outage. It may then be a restored copy of itself. */
  onBack(listener: () => void): void;

  /** Migrates the data. Await it before `write`. @throws when the store is unreachable, or another instance is migrating */
  open(): Promise<void>;

  /**
   * Applies changes. When it resolves, the changes and their dead letters are on the disks of a majority, except for the
   * returned refusals: messages at a position that is taken, and other events that the store can never accept. When
   * it rejects, any part of the changes may have been applied; repeat all of them.
   */
  write(changes: Changes): Promise<Refusal[]>;

  /** Stores each dead letter once, however often the call is repeated. Durable like `write`. */
  keepDeadLetters(deadLetters: readonly DeadLetter[]): Promise<void>;

  /**
   * Messages of a room within a range, at most `limit`, by one indexed range read. Sees every write that was
   * acknowledged before the call.
   * @throws ProtocolError `history_unavailable`, as do the other reads
   */
  messages(room: string, range: Range, order: Order, limit: number): Promise<HistoryMessage[]>;

  room(name: string): Promise<Room | undefined>;

  /** Names of rooms in order, after the name `after`, at most `limit`. */
  roomNames(after: string | undefined, limit: number): Promise<string[]>;

  /** The rooms that exist among these names, ordered by name. */
  rooms(names: readonly string[]): Promise<Room[]>;

  /** Gets the room, or creates it as of `at`. Of several concurrent calls exactly one returns `created: true`. */
  ensureRoom(name: string, at: string): Promise<{ readonly room: Room; readonly created: boolean }>;

  /** The highest floor that any instance saved. */
  loadFloor(): Promise<Position | undefined>;

  /** Never lowers the saved floor. */
  saveFloor(floor: Position): Promise<void>;

  /** The mark with the highest position that any instance saved. */
  loadMark(): Promise<Mark | undefined>;

  /** Never lowers the saved mark. Does not wait for a disk: the next `write` that resolves makes the mark durable, too. */
  saveMark(mark: Mark): Promise<void>;

  /** Idempotent. */
  close(): Promise<void>;
}
