/**
 * The changes that a batch of events makes to the store. Changes are commutative and idempotent: applied in any order,
 * any number of times and by any number of instances, they lead to the same state.
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
  /** Of one sender's messages with the same nonce and content, the one with the lowest position is kept. */
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

/** A delete overrides every edit. */
export interface DeleteChange {
  readonly room: string;
  readonly target: Position;
  readonly seq: number;
  readonly at: string;
}

/** A value and the position of the event that set it. The highest position wins. */
export interface Positioned<V> {
  readonly position: Position;
  readonly value: V;
}

/** A batch's changes to one room. */
export interface RoomChange {
  /** The time of the room's earliest known event. */
  createdAt: string;
  /** The position of one of the batch's events in this room. */
  readonly position: Position;
  topic?: Positioned<string>;
  status?: Positioned<RoomStatus>;
  slowModeS?: Positioned<number>;
}

/** A record of the log that cannot be projected, and the reason. */
export interface DeadLetter {
  readonly position: Position;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reason: string;
}

/** Collects the changes of a batch. */
export class Changes {
  readonly messages: MessageChange[] = [];
  readonly edits: EditChange[] = [];
  readonly deletes: DeleteChange[] = [];
  readonly rooms = new Map<string, RoomChange>();
  readonly deadLetters: DeadLetter[] = [];

  /** The changes to a room; adds the room as of `at`. */
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

/** The one of two values that was set later in the log. */
export function later<V>(known: Positioned<V> | undefined, next: Positioned<V>): Positioned<V> {
  return known && comparePositions(known.position, next.position) >= 0 ? known : next;
}
