import { randomUUID } from "node:crypto";
import { type Collection, type Db, type MongoClient, ReadPreference } from "mongodb";
import type { Changes, DeadLetter } from "../store/changes.ts";
import { messageKey, type Position, positionKey, positionOfKey, roomBounds } from "../store/position.ts";
import type { Mark, Order, Range, Refusal, Store } from "../store/store.ts";
import { openMongoClient } from "./client.ts";
import { MongoDeadLetters } from "./dead-letters.ts";
import { historyMessage, type MessageDocument, type RoomDocument, roomOf, SHOWN } from "./documents.ts";
import { isDuplicateKey, reading, safeError } from "./errors.ts";
import { writeCorrections, writeMessages } from "./messages.ts";
import { ensureNonceIndex, migrate } from "./migrations.ts";
import { findRooms, writeRooms } from "./rooms.ts";
import { migrateSendKeys } from "./send-keys.ts";

/** Ends an operation on a stopped server, and a write that no majority confirms. */
const SOCKET_LIMIT_MS = 10_000;

/** The journal and the oplog keep their order, so a later write that waits for a majority also covers this one. */
const PRIMARY_ONLY = { w: 1, journal: false } as const;

/** The checkpoint. `place` is a {@link positionKey}, so that `$max` orders it, also as the first field of a document. */
interface StateDocument {
  _id: "floor" | "mark";
  place?: string;
  mark?: { place: string; fingerprint: string };
}

/**
 * Returns without waiting for MongoDB.
 * @param caFile a CA file; with it, the client trusts only servers with a certificate of that CA
 * @throws ConfigError when the URL is not usable
 */
export function openMongoStore(url: string, caFile?: string): Store {
  return new MongoStore(url, caFile);
}

class MongoStore implements Store {
  readonly #id = randomUUID();
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #messages: Collection<MessageDocument>;
  readonly #rooms: Collection<RoomDocument>;
  readonly #deadLetters: MongoDeadLetters;
  readonly #state: Collection<StateDocument>;
  #writable = false;
  readonly #backListeners: (() => void)[] = [];
  readonly #stop = new AbortController();
  #migrated = false;

  constructor(url: string, caFile?: string) {
    this.#client = openMongoClient(url, caFile, {
      appName: "madang-persistence",
      readPreference: ReadPreference.primary,
      retryWrites: true,
      socketTimeoutMS: SOCKET_LIMIT_MS,
    });
    this.#client.on("topologyDescriptionChanged", ({ newDescription }) => {
      const wasReady = this.ready;
      this.#writable = [...newDescription.servers.values()].some((server) => server.isWritable);
      if (!wasReady && this.ready) for (const listener of this.#backListeners) listener();
    });
    this.#db = this.#client.db();
    this.#messages = this.#db.collection("messages");
    this.#rooms = this.#db.collection("rooms");
    this.#deadLetters = new MongoDeadLetters(this.#db);
    this.#state = this.#db.collection("state");
  }

  get ready(): boolean {
    return this.#writable && this.#migrated;
  }

  onBack(listener: () => void): void {
    this.#backListeners.push(listener);
  }

  async open(): Promise<void> {
    try {
      // After a failed first connection, only this call makes the driver try again.
      await this.#client.connect();
      await migrate(this.#db, this.#id);
      await ensureNonceIndex(this.#db);
    } catch (error) {
      throw safeError(error);
    }
    if (!this.#migrated) void migrateSendKeys(this.#db, this.#stop.signal);
    this.#migrated = true;
  }

  async write(changes: Changes): Promise<Refusal[]> {
    try {
      const [refusals] = await Promise.all([this.#writeHistory(changes), this.keepDeadLetters(changes.deadLetters)]);
      return [...refusals, ...(await writeRooms(this.#rooms, changes.rooms))];
    } catch (error) {
      throw safeError(error);
    }
  }

  async #writeHistory({ messages, edits, deletes }: Changes): Promise<Refusal[]> {
    const refusals = await writeMessages(this.#messages, messages);
    return [...refusals, ...(await writeCorrections(this.#messages, edits, deletes))];
  }

  keepDeadLetters(deadLetters: readonly DeadLetter[]) {
    return this.#deadLetters.keep(deadLetters);
  }

  async messages(room: string, range: Range, order: Order, limit: number) {
    const [first, end] = roomBounds(room);
    const { after, from, before, upTo } = range;
    const _id = {
      ...(from ? { $gte: messageKey(room, from) } : { $gt: after ? messageKey(room, after) : first }),
      ...(upTo ? { $lte: messageKey(room, upTo) } : { $lt: before ? messageKey(room, before) : end }),
    };
    const direction = order === "oldest first" ? 1 : -1;
    return reading(async () => {
      const found = this.#messages
        .find({ _id, ...SHOWN }, { projection: { room: 0, who: 0 } })
        .hint({ _id: 1 })
        .sort({ _id: direction })
        .limit(limit);
      return (await found.toArray()).map(historyMessage);
    });
  }

  async room(name: string) {
    return (await this.rooms([name]))[0];
  }

  async roomNames(after: string | undefined, limit: number) {
    const found = this.#rooms
      .find({ _id: after === undefined ? { $type: "string" } : { $gt: after } }, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(limit);
    return reading(async () => (await found.toArray()).map(({ _id }) => _id));
  }

  rooms(names: readonly string[]) {
    return reading(() => findRooms(this.#rooms, { _id: { $in: [...names] } }));
  }

  async ensureRoom(name: string, at: string) {
    return reading(async () => {
      const make = () =>
        this.#rooms.updateOne({ _id: name }, { $setOnInsert: { createdAt: at } satisfies object }, { upsert: true });
      const { upsertedCount } = await make().catch((error) => {
        if (!isDuplicateKey(error)) throw error;
        return { upsertedCount: 0 };
      });
      // An erasure may remove the room between the two operations.
      const room = (await this.room(name)) ?? roomOf({ _id: name, createdAt: at, last: [] });
      return { room, created: upsertedCount === 1 };
    });
  }

  async loadFloor() {
    const found = await reading(() => this.#state.findOne({ _id: "floor" }));
    return typeof found?.place === "string" ? positionOfKey(found.place) : undefined;
  }

  async saveFloor(floor: Position) {
    await this.#state.updateOne({ _id: "floor" }, { $max: { place: positionKey(floor) } }, { upsert: true });
  }

  async loadMark() {
    const found = await reading(() => this.#state.findOne({ _id: "mark" }));
    // An unreadable mark counts as missing, and the log is then projected again.
    if (typeof found?.mark?.place !== "string") return undefined;
    return { position: positionOfKey(found.mark.place), fingerprint: found.mark.fingerprint };
  }

  async saveMark({ position, fingerprint }: Mark) {
    const mark = { place: positionKey(position), fingerprint };
    const options = { upsert: true, writeConcern: PRIMARY_ONLY };
    await this.#state.updateOne({ _id: "mark" }, { $max: { mark } }, options).catch((error) => {
      throw safeError(error);
    });
  }

  async close() {
    this.#stop.abort();
    await this.#client.close();
  }
}
