import { ERASED_NAME, type Person } from "@madang/protocol";
import type { Collection, Db } from "mongodb";
import type { AuditEntry, AuditLog } from "../store/audit-log.ts";

type AuditDocument = Omit<AuditEntry, "id"> & { _id: string };

export class MongoAuditLog implements AuditLog {
  readonly #entries: Collection<AuditDocument>;

  constructor(db: Db) {
    this.#entries = db.collection("audit");
  }

  async add({ id, ...entry }: AuditEntry): Promise<void> {
    await this.#entries.insertOne({ _id: id, ...entry });
  }

  async finish(id: string, state: "done" | "failed"): Promise<void> {
    await this.#entries.updateOne({ _id: id }, { $set: { state } });
  }

  async hasUnfinished(room: string): Promise<boolean> {
    return (await this.#entries.findOne({ room, state: "begun" }, { projection: { _id: 1 } })) !== null;
  }

  async markInterrupted(from: string, before: string): Promise<void> {
    await this.#entries.updateMany(
      { _id: { $gte: from, $lt: before }, state: "begun" },
      { $set: { state: "interrupted" } },
    );
  }

  async page(before: string | undefined, limit: number): Promise<AuditEntry[]> {
    const filter = before === undefined ? {} : { _id: { $lt: before } };
    const found = await this.#entries.find(filter).sort({ _id: -1 }).limit(limit).toArray();
    return found.map(({ _id, ...entry }) => ({ id: _id, ...entry }));
  }

  /** Replaces the person's name in all entries. Idempotent. */
  async removePerson(person: Person): Promise<void> {
    const about = person.userId === undefined ? { "person.user": person.user } : { "person.userId": person.userId };
    await this.#entries.updateMany(about, { $set: { person: { user: ERASED_NAME } } });
  }
}
