import { type Person, ProtocolError, type Room } from "@madang/protocol";
import { type Collection, type Db, type Filter, MongoServerError } from "mongodb";
import type { FoundMessage, MessageSearch, SearchCriteria } from "../store/message-search.ts";
import { messageKey, type Position, roomBounds } from "../store/position.ts";
import { historyMessage, type MessageDocument, type RoomDocument, SHOWN, saidBy } from "./documents.ts";
import { findRooms } from "./rooms.ts";

/** A search over all rooms reads every message, so it ends after this time. */
const SEARCH_LIMIT_MS = 10_000;
const MAX_TIME_EXPIRED = 50;
/** By default MongoDB sends 16 MB at once, and decoding that blocks the process for seconds. */
const EXPORT_BATCH = 500;

export class MongoMessageSearch implements MessageSearch {
  readonly #messages: Collection<MessageDocument>;
  readonly #rooms: Collection<RoomDocument>;

  constructor(db: Db) {
    this.#messages = db.collection("messages");
    this.#rooms = db.collection("rooms");
  }

  async rooms(text: string, after: string | undefined, limit: number): Promise<Room[]> {
    const conditions: Filter<RoomDocument>[] = [
      ...(text === "" ? [] : [{ _id: { $regex: literal(text), $options: "i" } }]),
      ...(after === undefined ? [] : [{ _id: { $gt: after } }]),
    ];
    const filter = conditions.length === 0 ? {} : { $and: conditions };
    return searching(findRooms(this.#rooms, filter, { limit, maxTimeMS: SEARCH_LIMIT_MS }));
  }

  countRooms(): Promise<number> {
    return this.#rooms.estimatedDocumentCount();
  }

  async messages(
    { room, text, person }: SearchCriteria,
    before: Position | undefined,
    limit: number,
  ): Promise<FoundMessage[]> {
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
    // Any order over all rooms would read every message first.
    if (room === undefined) cursor.sort({ $natural: -1 });
    else cursor.hint({ _id: 1 }).sort({ _id: -1 });
    return (await searching(cursor.toArray())).map(foundMessage);
  }

  async *messagesBy(person: Person): AsyncGenerator<FoundMessage> {
    const filter = { _id: { $type: "string" }, ...saidBy(person) } satisfies Filter<MessageDocument>;
    const found = this.#messages.find(filter, { batchSize: EXPORT_BATCH });
    for await (const document of found) yield foundMessage(document);
  }

  async hasMessage(room: string, position: Position): Promise<boolean> {
    const whole = { _id: messageKey(room, position), at: { $exists: true } };
    return (await this.#messages.findOne(whole, { projection: { _id: 1 } })) !== null;
  }
}

function foundMessage(document: MessageDocument): FoundMessage {
  const { deleted, edit } = document;
  const message = historyMessage(document);
  const text = deleted ? (edit?.message ?? document.message ?? "") : message.message;
  return { ...message, room: document.room, message: text };
}

/** Escapes a text for a regular expression. The driver would cut a pattern at a NUL. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&").replaceAll("\0", "\\x00");
}

/** @throws ProtocolError `history_unavailable` when the search took too long */
async function searching<T>(search: Promise<T>): Promise<T> {
  try {
    return await search;
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === MAX_TIME_EXPIRED)) throw error;
    const message = `The search was stopped after ${SEARCH_LIMIT_MS / 1000} s. Search within one room: it is faster.`;
    throw new ProtocolError("history_unavailable", { message });
  }
}
