import type { Collection } from "mongodb";
import { mergeRoom, type Placed, type RoomChange } from "./changes.ts";
import { placeKey } from "./keys.ts";
import type { RoomDocument } from "./mongo-documents.ts";
import { bulkUpsert } from "./mongo-errors.ts";

type Rooms = ReadonlyMap<string, RoomChange>;

/**
 * Writes what batches say about rooms, one write at a time: batches in flight mostly speak of the same rooms, and two
 * writers of one document keep each other waiting. What comes during a write is gathered for the next.
 */
export class RoomWriter {
  #collection: Collection<RoomDocument>;
  #writing: Promise<void> = Promise.resolve();
  #next: { readonly rooms: Map<string, RoomChange>; readonly written: Promise<void> } | undefined;

  constructor(collection: Collection<RoomDocument>) {
    this.#collection = collection;
  }

  /** Resolves when it is written. */
  write(rooms: Rooms): Promise<void> {
    if (rooms.size === 0) return Promise.resolve();
    this.#next ??= this.#schedule();
    for (const [name, change] of rooms) mergeRoom(this.#next.rooms, name, change);
    return this.#next.written;
  }

  #schedule() {
    const rooms = new Map<string, RoomChange>();
    const written = this.#writing.then(() => {
      this.#next = undefined;
      return bulkUpsert(this.#collection, [...rooms].map(upsert));
    });
    this.#writing = written.catch(() => {});
    return { rooms, written };
  }
}

function upsert([_id, { createdAt, last, topic, status, slowModeS }]: [string, RoomChange]) {
  const $max: Partial<RoomDocument> = {};
  if (last) $max.last = { place: placeKey(last.place), at: last.value };
  if (topic) $max.topic = placed(topic);
  if (status) $max.status = placed(status);
  if (slowModeS) $max.slowModeS = placed(slowModeS);
  return { updateOne: { filter: { _id }, update: { $min: { createdAt }, $max }, upsert: true } };
}

function placed<V>({ place, value }: Placed<V>): { place: string; value: V } {
  return { place: placeKey(place), value };
}
