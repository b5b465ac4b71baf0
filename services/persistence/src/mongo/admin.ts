import { randomUUID } from "node:crypto";
import { roomOfSubject } from "@madang/broker";
import { type Person, ProtocolError } from "@madang/protocol";
import {
  type AnyBulkWriteOperation,
  Binary,
  type Collection,
  type Db,
  type Filter,
  type MongoClient,
  MongoServerError,
} from "mongodb";
import {
  type AdminStore,
  type AuditEntry,
  ERASED_NAME,
  type FoundMessage,
  type Job,
  type JobState,
  type JobSubject,
  type MessageSearch,
  type StoredDeadLetter,
} from "../store/admin-store.ts";
import { isBy } from "../store/person.ts";
import { messageKey, type Position, positionKey, roomBounds } from "../store/position.ts";
import { keepConnecting, openMongoClient } from "./client.ts";
import {
  type DeadLetterDocument,
  historyMessage,
  type MessageDocument,
  type RoomDocument,
  SHOWN,
} from "./documents.ts";
import { bulkUpsert, isDuplicateKey, reading } from "./errors.ts";
import { findRooms } from "./rooms.ts";

/** A search over everything reads everything; a moderator waits so long at most. */
const SEARCH_LIMIT_MS = 10_000;
const MAX_TIME_EXPIRED = 50;
/** Left to itself MongoDB sends 16 MB at once, and nobody else is served while that is unpacked: for seconds. */
const EXPORT_BATCH = 500;
/** Few: what the admin page asks for is not to crowd out the projection. */
const MAX_CONNECTIONS = 4;
/**
 * How long a write waits for the majority. Sockets have no limit, as an erasure may take hours: a server that stands still
 * shows by its heartbeats, and whatever waits for it is let go.
 */
const MAJORITY_LIMIT_MS = 10_000;

type AuditDocument = Omit<AuditEntry, "id"> & { _id: string };
interface JobDocument {
  _id: string;
  at: string;
  kind: JobSubject["kind"];
  subject?: JobSubject;
  upTo?: Position;
  erasedTo: number;
  historyDone: boolean;
  done: boolean;
  holder?: string;
  heldUntil?: number;
}

/**
 * Does not wait for MongoDB.
 * @param caFile trusts servers of this CA, and talks to no others
 * @throws ConfigError when the URL cannot be used
 */
export function openMongoAdmin(url: string, caFile?: string): AdminStore {
  return new MongoAdmin(url, caFile);
}

/** MongoDB's own clock: those of the instances may differ, and be set while they run. */
const NOW_MS = { $toLong: "$$NOW" };

/**
 * Whether a hold has run out. One that reaches further than a hold can was given by a clock that has been set back since: should
 * its holder live, the job only changes hands.
 */
function isOver(holdMs: number): Filter<JobDocument> {
  const leftMs = { $subtract: ["$heldUntil", NOW_MS] };
  return { $expr: { $or: [{ $lt: [leftMs, 0] }, { $gt: [leftMs, holdMs] }] } };
}

class MongoAdmin implements AdminStore {
  readonly #client: MongoClient;
  readonly #messages: Collection<MessageDocument>;
  readonly #rooms: Collection<RoomDocument>;
  readonly #deadLetters: Collection<DeadLetterDocument>;
  readonly #audit: Collection<AuditDocument>;
  readonly #jobs: Collection<JobDocument>;
  readonly #stopConnecting: () => void;

  constructor(url: string, caFile?: string) {
    this.#client = openMongoClient(url, caFile, {
      appName: "madang-admin",
      majorityLimitMs: MAJORITY_LIMIT_MS,
      maxPoolSize: MAX_CONNECTIONS,
    });
    const db: Db = this.#client.db();
    this.#messages = db.collection("messages");
    this.#rooms = db.collection("rooms");
    this.#deadLetters = db.collection("dead_letters");
    this.#audit = db.collection("audit");
    this.#jobs = db.collection("jobs");
    this.#stopConnecting = keepConnecting(this.#client);
  }

  async searchRooms(text: string, after: string | undefined, limit: number) {
    const filter: Filter<RoomDocument> = {
      $and: [
        ...(text === "" ? [] : [{ _id: { $regex: literal(text), $options: "i" } }]),
        ...(after === undefined ? [] : [{ _id: { $gt: after } }]),
      ],
    };
    const wanted = filter.$and!.length === 0 ? {} : filter;
    return searching(findRooms(this.#rooms, wanted, { limit, maxTimeMS: SEARCH_LIMIT_MS }));
  }

  countRooms() {
    return this.#rooms.estimatedDocumentCount();
  }

  async searchMessages({ room, text, person }: MessageSearch, before: Position | undefined, limit: number) {
    const filter: Filter<MessageDocument> = { _id: { $type: "string" }, ...SHOWN };
    if (room !== undefined) {
      const [first, end] = roomBounds(room);
      filter._id = { $gt: first, $lt: before ? messageKey(room, before) : end };
    }
    const $and: Filter<MessageDocument>[] = [];
    if (person !== undefined) $and.push({ $or: [{ user: person.normalize("NFC") }, { userId: person }] });
    if (text !== undefined) {
      const like = { $regex: literal(text), $options: "i" };
      $and.push({ $or: [{ message: like }, { "edit.message": like }] });
    }
    if ($and.length > 0) filter.$and = $and;
    const cursor = this.#messages.find(filter, { maxTimeMS: SEARCH_LIMIT_MS }).limit(limit);
    // Over all rooms there is no order to be had without reading everything.
    if (room === undefined) cursor.sort({ $natural: -1 });
    else cursor.hint({ _id: 1 }).sort({ _id: -1 });
    return (await searching(cursor.toArray())).map(foundMessage);
  }

  async *messagesOf(person: Person) {
    const theirs = { _id: { $type: "string" }, ...saidBy(person) } satisfies Filter<MessageDocument>;
    for await (const document of this.#messages.find(theirs, { batchSize: EXPORT_BATCH })) yield foundMessage(document);
  }

  async hasMessage(room: string, position: Position) {
    const whole = { _id: messageKey(room, position), at: { $exists: true } };
    return (await this.#messages.findOne(whole, { projection: { _id: 1 } })) !== null;
  }

  async markDeleted(room: string, position: Position, at: string) {
    const _id = messageKey(room, position);
    await this.#messages.updateOne({ _id, at: { $exists: true } }, { $min: { deleted: { seq: position.seq, at } } });
  }

  async letters(after: string | undefined, limit: number) {
    const filter = after === undefined ? {} : { _id: { $gt: after } };
    return (await this.#deadLetters.find(filter).sort({ _id: 1 }).limit(limit).toArray()).map(storedDeadLetter);
  }

  async letter(id: string) {
    const found = await this.#deadLetters.findOne({ _id: id });
    return found ? storedDeadLetter(found) : undefined;
  }

  async removeDeadLetter(id: string) {
    await this.#deadLetters.deleteOne({ _id: id });
  }

  countDeadLetters() {
    return this.#deadLetters.estimatedDocumentCount();
  }

  async record({ id, ...entry }: AuditEntry) {
    await this.#audit.insertOne({ _id: id, ...entry });
  }

  async finish(id: string, state: "done" | "failed") {
    await this.#audit.updateOne({ _id: id }, { $set: { state } });
  }

  async isActing(room: string) {
    return (await this.#audit.findOne({ room, state: "begun" }, { projection: { _id: 1 } })) !== null;
  }

  async interrupt(from: string, before: string) {
    // An id begins with the time.
    await this.#audit.updateMany(
      { _id: { $gte: from, $lt: before }, state: "begun" },
      { $set: { state: "interrupted" } },
    );
  }

  async audit(before: string | undefined, limit: number) {
    const filter = before === undefined ? {} : { _id: { $lt: before } };
    const found = await this.#audit.find(filter).sort({ _id: -1 }).limit(limit).toArray();
    return found.map(({ _id, ...entry }) => ({ id: _id, ...entry }));
  }

  async addJob(subject: JobSubject, at: string): Promise<string> {
    if (subject.kind === "room") await this.#allowOneJobARoom();
    const same = subject.kind === "room" && (await this.#jobOf(subject.room));
    if (same) return same._id;
    const _id = randomUUID();
    const job: JobDocument = { _id, at, kind: subject.kind, subject, erasedTo: 0, historyDone: false, done: false };
    try {
      await this.#jobs.insertOne(job);
      return _id;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      // Another instance was first. Should its job be done already, it was of what was said before we were asked.
      return this.addJob(subject, at);
    }
  }

  isErasing(room: string) {
    return reading(async () => (await this.#jobOf(room)) !== null);
  }

  #jobOf(room: string) {
    return this.#jobs.findOne({ done: false, "subject.room": room });
  }

  /** A second one would erase what is said in the room once its name is free again. Costs nothing where the index is. */
  async #allowOneJobARoom(): Promise<void> {
    const partialFilterExpression = { done: false, "subject.room": { $exists: true } };
    const options = { name: "one job a room", unique: true, partialFilterExpression };
    await this.#jobs.createIndex({ "subject.room": 1 }, options).catch((error) => {
      // There are two, of an earlier version: as soon as they are done it can be made.
      if (!isDuplicateKey(error)) throw error;
    });
  }

  async takeJob(holder: string, holdMs: number): Promise<Job | undefined> {
    const free = { $or: [{ heldUntil: { $exists: false } }, isOver(holdMs), { holder }] };
    const found = await this.#jobs.findOneAndUpdate(
      { done: false, ...free },
      [{ $set: { holder, heldUntil: { $add: [NOW_MS, holdMs] } } }],
      // Without a hold it sorts before any.
      { sort: { heldUntil: 1, at: 1 }, returnDocument: "after" },
    );
    if (!found) return undefined;
    const { _id: id, subject, upTo, erasedTo, historyDone } = found;
    return { id, subject: subject!, erasedTo, historyDone, ...(upTo ? { upTo } : {}) };
  }

  async saveJob({ id, upTo, erasedTo, historyDone }: Job, holder: string, holdMs: number) {
    const set = { erasedTo, historyDone, ...(upTo ? { upTo } : {}) };
    const held = { heldUntil: { $add: [NOW_MS, holdMs] } };
    const { matchedCount } = await this.#jobs.updateOne({ _id: id, holder }, [{ $set: { ...set, ...held } }]);
    return matchedCount === 1;
  }

  async finishJob(id: string) {
    await this.#jobs.updateOne({ _id: id }, { $set: { done: true }, $unset: { subject: 1, holder: 1, heldUntil: 1 } });
  }

  async jobs(limit: number) {
    return (await this.#jobs.find().sort({ at: -1 }).limit(limit).toArray()).map(jobState);
  }

  async job(id: string) {
    const found = await this.#jobs.findOne({ _id: id });
    return found ? jobState(found) : undefined;
  }

  async erasePerson(person: Person, at: string) {
    await this.#messages.updateMany(saidBy(person), {
      $set: { user: ERASED_NAME, message: "", erased: true },
      $unset: { userId: 1, nonce: 1, who: 1, edit: 1 },
      $min: { deleted: { seq: 0, at } },
    });
    for await (const { _id, data } of this.#deadLetters.find()) {
      if (isBy(bytesOf(data), person)) await this.#deadLetters.deleteOne({ _id });
    }
    const about = person.userId === undefined ? { "person.user": person.user } : { "person.userId": person.userId };
    await this.#audit.updateMany(about, { $set: { person: { user: ERASED_NAME } } });
  }

  async eraseMessagesAt(positions: readonly { readonly room: string; readonly position: Position }[], at: string) {
    // What is not there, or known of by its edits and deletes only, stays hidden.
    const ifThere = (value: unknown, other = "$$REMOVE") => ({ $cond: [{ $ifNull: ["$at", false] }, value, other] });
    const emptied = { user: ifThere(ERASED_NAME), message: ifThere(""), erased: true };
    const deleted = ifThere({ $min: ["$deleted", { $literal: { seq: 0, at } }] }, "$deleted");
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

  async eraseRoom(room: string, upTo: Position) {
    const [first, end] = roomBounds(room);
    const last = messageKey(room, upTo);
    // In this order: see writeRooms.
    await this.#rooms.deleteOne({ _id: room });
    await this.#messages.deleteMany({ _id: { $gt: first, $lte: last } });
    for await (const { _id, subject } of this.#deadLetters.find({}, { projection: { subject: 1 } })) {
      if (roomOfSubject(`${subject}`) === room && _id <= positionKey(upTo)) await this.#deadLetters.deleteOne({ _id });
    }
    const later = await this.#messages.findOne({ _id: { $gt: last, $lt: end }, at: { $exists: true } });
    if (later) await this.#rooms.updateOne({ _id: room }, { $min: { createdAt: later.at! } }, { upsert: true });
  }

  async eraseOlder(room: string, before: string) {
    const [first, end] = roomBounds(room);
    return (await this.#messages.deleteMany({ _id: { $gt: first, $lt: end }, at: { $lt: before } })).deletedCount;
  }

  async close() {
    this.#stopConnecting();
    await this.#client.close();
  }
}

/** A name without an id is of those only who had none. */
function saidBy({ userId, user }: Person): Filter<MessageDocument> {
  return userId === undefined ? { user, userId: { $exists: false }, at: { $exists: true } } : { userId };
}

function foundMessage(document: MessageDocument): FoundMessage {
  const { deleted, edit } = document;
  const seen = historyMessage(document);
  const text = deleted ? (edit?.message ?? document.message ?? "") : seen.message;
  return { ...seen, room: document.room, message: text };
}

/** Whatever somebody made of it by hand, it is looked at and thrown away like any other. */
function storedDeadLetter({ _id, epoch, seq, subject, reason, at, data }: DeadLetterDocument): StoredDeadLetter {
  const when = at instanceof Date ? at.toISOString() : `${at ?? ""}`;
  return { id: _id, position: { epoch, seq }, subject: `${subject ?? ""}`, reason, at: when, data: bytesOf(data) };
}

/** No bytes where somebody spoiled a document by hand: an erasure is not to wait for that. */
function bytesOf(data: unknown): Uint8Array {
  return data instanceof Binary ? data.buffer : new Uint8Array();
}

function jobState({ _id, kind, at, done }: JobDocument): JobState {
  return { id: _id, kind, at, done };
}

/** NUL ends a pattern on its way to the server. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&").replaceAll("\0", "\\x00");
}

/** @throws ProtocolError `history_unavailable` when it took too long */
async function searching<T>(search: Promise<T>): Promise<T> {
  try {
    return await search;
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === MAX_TIME_EXPIRED)) throw error;
    const message = `The search was given up after ${SEARCH_LIMIT_MS / 1000} s. Within one room less has to be read.`;
    throw new ProtocolError("history_unavailable", { message });
  }
}
