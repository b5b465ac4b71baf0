import type { Room } from "@madang/protocol";
import type { Collection, Filter } from "mongodb";
import type { Positioned, RoomChange } from "../store/changes.ts";
import { positionKey, ROOM_END, ROOM_START } from "../store/position.ts";
import type { Refusal } from "../store/store.ts";
import { type RoomDocument, type RoomWithLast, roomOf, SHOWN } from "./documents.ts";
import { bulkUpsert } from "./errors.ts";

type Change = readonly [name: string, change: RoomChange];

/**
 * Writes a batch's changes to rooms. Most changes only mention a room that is stored already, and reading that first
 * costs a tenth of writing it again. Call this after the batch's messages are written: an erasure removes the room's
 * document before its messages, so an erasure that runs after the document was seen here removes these messages, too.
 * @returns the events with a setting that MongoDB refuses; for a room that it refuses entirely, one of its events
 */
export async function writeRooms(
  collection: Collection<RoomDocument>,
  rooms: ReadonlyMap<string, RoomChange>,
): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  const mentions = [...rooms].filter(isMention);
  const known = await creationTimes(collection, mentions);
  const isKnown = ([name, { createdAt }]: Change) => (known.get(name) ?? "~") <= createdAt;
  const news = [...rooms].filter((change) => !isMention(change) || !isKnown(change));
  const refused: Change[] = [];
  await bulkUpsert(collection, news.map(upsert), (index) => refused.push(news[index]!));
  // MongoDB may accept parts of a change that it refuses as a whole.
  const parts = refused.flatMap(partsOf);
  await bulkUpsert(collection, parts.map(upsert), (index, reason) => {
    const [, { position, topic, status, slowModeS }] = parts[index]!;
    refusals.push({
      position: (topic ?? status ?? slowModeS)?.position ?? position,
      reason: `for its room: ${reason}`,
    });
  });
  return refusals;
}

/** Splits a change into the room's existence and one change for each setting. */
function partsOf([name, { createdAt, position, topic, status, slowModeS }]: Change): Change[] {
  const sets = [topic && { topic }, status && { status }, slowModeS && { slowModeS }].filter(
    (set) => set !== undefined,
  );
  return [{}, ...sets].map((set) => [name, { createdAt, position, ...set }]);
}

function isMention([, { topic, status, slowModeS }]: Change): boolean {
  return topic === undefined && status === undefined && slowModeS === undefined;
}

async function creationTimes(
  collection: Collection<RoomDocument>,
  rooms: readonly Change[],
): Promise<Map<string, string>> {
  if (rooms.length === 0) return new Map();
  const found = collection.find({ _id: { $in: rooms.map(([name]) => name) } }, { projection: { createdAt: 1 } });
  return new Map((await found.toArray()).map(({ _id, createdAt }) => [_id, createdAt]));
}

function upsert([_id, { createdAt, topic, status, slowModeS }]: Change) {
  const $max: Partial<RoomDocument> = {};
  if (topic) $max.topic = placed(topic);
  if (status) $max.status = placed(status);
  if (slowModeS) $max.slowModeS = placed(slowModeS);
  return { updateOne: { filter: { _id }, update: { $min: { createdAt }, $max }, upsert: true } };
}

function placed<V>({ position, value }: Positioned<V>): { place: string; value: V } {
  return { place: positionKey(position), value };
}

/** Rooms ordered by name, each with its last message, which costs one step in the primary index of the messages. */
export async function findRooms(
  collection: Collection<RoomDocument>,
  filter: Filter<RoomDocument>,
  { limit, maxTimeMS }: { limit?: number; maxTimeMS?: number } = {},
): Promise<Room[]> {
  const last = {
    from: "messages",
    let: { start: { $concat: ["$_id", ROOM_START] }, end: { $concat: ["$_id", ROOM_END] } },
    pipeline: [
      {
        $match: { $expr: { $and: [{ $gt: ["$_id", "$$start"] }, { $lt: ["$_id", "$$end"] }] }, ...SHOWN },
      },
      { $sort: { _id: -1 } },
      { $limit: 1 },
      { $project: { at: 1 } },
    ],
    as: "last",
  };
  const found = collection.aggregate<RoomWithLast>(
    [
      { $match: { $and: [{ _id: { $type: "string" } }, filter] } },
      { $sort: { _id: 1 } },
      ...(limit === undefined ? [] : [{ $limit: limit }]),
      { $lookup: last },
    ],
    maxTimeMS === undefined ? {} : { maxTimeMS },
  );
  return (await found.toArray()).map(roomOf);
}
