/**
 * What a batch of events changes, in the store's terms. Every change is commutative and idempotent: applied in any
 * order, any number of times and by any number of instances, changes lead to the same state.
 */
import type { RoomStatus } from "@madang/protocol";
import { comparePlaces, type Place } from "./position.ts";

export interface MessageChange {
  readonly room: string;
  readonly place: Place;
  readonly user: string;
  readonly userId?: string | undefined;
  readonly message: string;
  readonly at: string;
  /** Of several messages of one sender with the same nonce, the one with the lowest place is kept. */
  readonly nonce?: string | undefined;
  readonly replyTo?: number | undefined;
}

/** The edit with the highest seq wins. */
export interface EditChange {
  readonly room: string;
  readonly target: Place;
  readonly seq: number;
  readonly message: string;
  readonly at: string;
}

/** Wins over every edit. */
export interface DeleteChange {
  readonly room: string;
  readonly target: Place;
  readonly seq: number;
  readonly at: string;
}

/** A value with the place where it was set: the highest place wins. */
export interface Placed<V> {
  readonly place: Place;
  readonly value: V;
}

/** All that a batch says about one room. */
export interface RoomChange {
  /** The earliest time known of it: the room was there by then. */
  createdAt: string;
  /** Of an event that speaks of it. */
  readonly place: Place;
  topic?: Placed<string>;
  status?: Placed<RoomStatus>;
  slowModeS?: Placed<number>;
}

/** A record that cannot be projected, kept with its reason. */
export interface DeadLetter {
  readonly place: Place;
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
  room(name: string, at: string, place: Place): RoomChange {
    const known = this.rooms.get(name);
    if (!known) {
      const change: RoomChange = { createdAt: at, place };
      this.rooms.set(name, change);
      return change;
    }
    if (at < known.createdAt) known.createdAt = at;
    return known;
  }
}

/** Of two values of one thing the one that was set later in the log. */
export function later<V>(known: Placed<V> | undefined, next: Placed<V>): Placed<V> {
  return known && comparePlaces(known.place, next.place) >= 0 ? known : next;
}
