import type { Room } from "@madang/protocol";
import type { Collection, Filter } from "mongodb";
import type { Positioned, RoomChange } from "../store/changes.ts";
import { positionKey, ROOM_END, ROOM_START } from "../store/position.ts";
import type { Refusal } from "../store/store.ts";
import { type RoomDocument, type RoomWithLast, roomOf, SHOWN } from "./documents.ts";
import { bulkUpsert } from "./errors.ts";

type Change = readonly [name: string, change: RoomChange];

/**
 * Writes what a batch says about rooms. Of nearly all it only says that they are there, which is known: asking first
 * costs a tenth of writing it again. To be called when the batch's messages are written: whoever erases a room takes its
 * document before its messages, so where the document was seen after them they go together.
 * @returns the events whose setting is refused, and of a room that must not be at all one that made it known
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
  // Of what is refused as a whole a part may do.
  const parts = refused.flatMap(partsOf);
  await bulkUpsert(collection, parts.map(upsert), (index, reason) => {
    const [, { position, topic, status, slowModeS }] = parts[index]!;
    refusals.push({ position: (topic ?? status ?? slowModeS)?.position ?? position, reason: `of its room: ${reason}` });
  });
  return refusals;
}

/** That it is there, and each thing that is set of it. */
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

/** Rooms in the order of their names, each with its last message: one step in the messages' primary key a room. */
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
