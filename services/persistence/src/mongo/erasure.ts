import { ERASED_NAME, type Person } from "@madang/protocol";
import type { AnyBulkWriteOperation, Collection, Db } from "mongodb";
import type { Erasure } from "../store/erasure.ts";
import { messageKey, type Position, roomBounds } from "../store/position.ts";
import type { MongoAuditLog } from "./audit-log.ts";
import type { MongoDeadLetters } from "./dead-letters.ts";
import { type MessageDocument, type RoomDocument, saidBy } from "./documents.ts";
import { bulkUpsert } from "./errors.ts";

export class MongoErasure implements Erasure {
  readonly #messages: Collection<MessageDocument>;
  readonly #rooms: Collection<RoomDocument>;
  readonly #deadLetters: MongoDeadLetters;
  readonly #audit: MongoAuditLog;

  constructor(db: Db, deadLetters: MongoDeadLetters, audit: MongoAuditLog) {
    this.#messages = db.collection("messages");
    this.#rooms = db.collection("rooms");
    this.#deadLetters = deadLetters;
    this.#audit = audit;
  }

  async markDeleted(room: string, position: Position, at: string): Promise<void> {
    const _id = messageKey(room, position);
    await this.#messages.updateOne({ _id, at: { $exists: true } }, { $min: { deleted: { seq: position.seq, at } } });
  }

  async erasePerson(person: Person, at: string): Promise<void> {
    await this.#messages.updateMany(saidBy(person), {
      $set: { user: ERASED_NAME, message: "", erased: true },
      $unset: { userId: 1, nonce: 1, who: 1, edit: 1 },
      $min: { deleted: { seq: 0, at } },
    });
    await this.#deadLetters.removePerson(person);
    await this.#audit.removePerson(person);
  }

  async eraseMessages(
    positions: readonly { readonly room: string; readonly position: Position }[],
    at: string,
  ): Promise<void> {
    // A stub, or a position without any document, stays hidden.
    const ifStored = (value: unknown, other = "$$REMOVE") => ({ $cond: [{ $ifNull: ["$at", false] }, value, other] });
    const emptied = { user: ifStored(ERASED_NAME), message: ifStored(""), erased: true };
    const deleted = ifStored({ $min: ["$deleted", { $literal: { seq: 0, at } }] }, "$deleted");
    const operations: AnyBulkWriteOperation<MessageDocument>[] = positions.map(({ room, position }) => ({
      updateOne: {
        filter: { _id: messageKey(room, position) },
        update: [
          { $set: { room: { $literal: room }, ...emptied, deleted } },
          { $unset: ["userId", "nonce", "who", "edit"] },
        ],
        upsert: true,
      },
    }));
    await bulkUpsert(this.#messages, operations);
  }

  async eraseRoom(room: string, upTo: Position): Promise<void> {
    const [first, end] = roomBounds(room);
    const last = messageKey(room, upTo);
    // The room's document goes before its messages: writeRooms relies on this order.
    await this.#rooms.deleteOne({ _id: room });
    await this.#messages.deleteMany({ _id: { $gt: first, $lte: last } });
    await this.#deadLetters.removeRoom(room, upTo);
    const later = await this.#messages.findOne({ _id: { $gt: last, $lt: end }, at: { $exists: true } });
    if (later) await this.#rooms.updateOne({ _id: room }, { $min: { createdAt: later.at! } }, { upsert: true });
  }

  async eraseOlder(room: string, before: string): Promise<number> {
    const [first, end] = roomBounds(room);
    return (await this.#messages.deleteMany({ _id: { $gt: first, $lt: end }, at: { $lt: before } })).deletedCount;
  }
}
