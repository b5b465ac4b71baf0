/**
 * What a batch of events changes, in the store's terms. Every change is commutative and idempotent: applied in any
 * order, any number of times and by any number of instances, changes lead to the same state.
 */
import type { RoomStatus } from "@madang/protocol";
import { comparePositions, type Position } from "./position.ts";

export interface MessageChange {
  readonly room: string;
  readonly position: Position;
  readonly user: string;
  readonly userId?: string | undefined;
  readonly message: string;
  readonly at: string;
  /** Of several messages of one sender with the same nonce, the one with the lowest position is kept. */
  readonly nonce?: string | undefined;
  readonly replyTo?: number | undefined;
}

/** The edit with the highest seq wins. */
export interface EditChange {
  readonly room: string;
  readonly target: Position;
  readonly seq: number;
  readonly message: string;
  readonly at: string;
}

/** Wins over every edit. */
export interface DeleteChange {
  readonly room: string;
  readonly target: Position;
  readonly seq: number;
  readonly at: string;
}

/** A value with the position where it was set: the highest position wins. */
export interface Positioned<V> {
  readonly position: Position;
  readonly value: V;
}

/** All that a batch says about one room. */
export interface RoomChange {
  /** The earliest time known of it: the room was there by then. */
  createdAt: string;
  /** Of an event that speaks of it. */
  readonly position: Position;
  topic?: Positioned<string>;
  status?: Positioned<RoomStatus>;
  slowModeS?: Positioned<number>;
}

/** A record that cannot be projected, kept with its reason. */
export interface DeadLetter {
  readonly position: Position;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reason: string;
}

/** What a batch changes, gathered. */
export class Changes {
  readonly messages: MessageChange[] = [];
  readonly edits: EditChange[] = [];
  readonly deletes: DeleteChange[] = [];
  readonly rooms = new Map<string, RoomChange>();
  readonly deadLetters: DeadLetter[] = [];

  /** What is gathered about a room; makes the room known, as of `at`. */
  room(name: string, at: string, position: Position): RoomChange {
    const known = this.rooms.get(name);
    if (!known) {
      const change: RoomChange = { createdAt: at, position };
      this.rooms.set(name, change);
      return change;
    }
    if (at < known.createdAt) known.createdAt = at;
    return known;
  }
}

/** Of two values of one thing the one that was set later in the log. */
export function later<V>(known: Positioned<V> | undefined, next: Positioned<V>): Positioned<V> {
  return known && comparePositions(known.position, next.position) >= 0 ? known : next;
}
