import { roomOfSubject } from "@madang/broker";
import type { Person } from "@madang/protocol";
import { Binary, type Collection, type Db } from "mongodb";
import type { DeadLetter } from "../store/changes.ts";
import type { DeadLetters, StoredDeadLetter } from "../store/dead-letters.ts";
import { isBy } from "../store/person.ts";
import { type Position, positionKey } from "../store/position.ts";
import { bulkUpsert } from "./errors.ts";

interface DeadLetterDocument {
  _id: string;
  epoch: string;
  seq: number;
  subject: string;
  reason: string;
  at: Date;
  data: Binary;
}

export class MongoDeadLetters implements DeadLetters {
  readonly #letters: Collection<DeadLetterDocument>;

  constructor(db: Db) {
    this.#letters = db.collection("dead_letters");
  }

  /** Stores each dead letter once, however often the call is repeated. */
  async keep(deadLetters: readonly DeadLetter[]): Promise<void> {
    const at = new Date();
    const operations = deadLetters.map(({ position, subject, data, reason }) => ({
      updateOne: {
        filter: { _id: positionKey(position) },
        update: { $setOnInsert: { ...position, subject, reason, at, data: new Binary(data) } },
        upsert: true,
      },
    }));
    await bulkUpsert(this.#letters, operations);
  }

  async page(after: string | undefined, limit: number): Promise<StoredDeadLetter[]> {
    const filter = after === undefined ? {} : { _id: { $gt: after } };
    return (await this.#letters.find(filter).sort({ _id: 1 }).limit(limit).toArray()).map(storedDeadLetter);
  }

  async get(id: string): Promise<StoredDeadLetter | undefined> {
    const found = await this.#letters.findOne({ _id: id });
    return found ? storedDeadLetter(found) : undefined;
  }

  async remove(id: string): Promise<void> {
    await this.#letters.deleteOne({ _id: id });
  }

  count(): Promise<number> {
    return this.#letters.estimatedDocumentCount();
  }

  /** Removes the dead letters that are by or about a person. Idempotent. */
  async removePerson(person: Person): Promise<void> {
    for await (const { _id, data } of this.#letters.find()) {
      if (isBy(bytesOf(data), person)) await this.#letters.deleteOne({ _id });
    }
  }

  /** Removes the dead letters of a room up to a position. Idempotent. */
  async removeRoom(room: string, upTo: Position): Promise<void> {
    for await (const { _id, subject } of this.#letters.find({}, { projection: { subject: 1 } })) {
      if (roomOfSubject(`${subject}`) === room && _id <= positionKey(upTo)) await this.#letters.deleteOne({ _id });
    }
  }
}

/** Fields that an operator changed by hand are shown as text, so that the dead letter can still be removed. */
function storedDeadLetter({ _id, epoch, seq, subject, reason, at, data }: DeadLetterDocument): StoredDeadLetter {
  const when = at instanceof Date ? at.toISOString() : `${at ?? ""}`;
  return { id: _id, position: { epoch, seq }, subject: `${subject ?? ""}`, reason, at: when, data: bytesOf(data) };
}

/** No bytes when the field was changed by hand: an erasure must not fail because of it. */
function bytesOf(data: unknown): Uint8Array {
  return data instanceof Binary ? data.buffer : new Uint8Array();
}
