import type { AnyBulkWriteOperation, Collection, MongoBulkWriteError } from "mongodb";
import type { DeleteChange, EditChange, MessageChange } from "../store/changes.ts";
import { messageKey } from "../store/position.ts";
import type { Refusal } from "../store/store.ts";
import { isSameMessage, type MessageDocument, messageDocument, type WholeMessage } from "./documents.ts";
import { bulkUpsert, DUPLICATE_KEY, failuresOf, isDuplicateKey, refusalForGood } from "./errors.ts";

/** Two instances that resolve the same nonce at once may undo each other's step a few times. */
const RESOLVE_ATTEMPTS = 8;
/** The repair reads the whole collection, and the socket's limit of seconds would end every attempt. */
const REPAIR_LIMIT_MS = 3600_000;

/**
 * Inserts messages. The common case is one unordered insert. A batch that was written before costs one more read. Only
 * messages that meet a stub or a used nonce are handled one by one.
 */
export async function writeMessages(
  collection: Collection<MessageDocument>,
  changes: readonly MessageChange[],
): Promise<Refusal[]> {
  if (changes.length === 0) return [];
  const documents = changes.map(messageDocument);
  const refusals: Refusal[] = [];
  const refuse = (index: number, reason: string) => refusals.push({ position: changes[index]!.position, reason });
  const taken = await insert(collection, documents, refuse);
  if (taken.length === 0) return refusals;

  const stored = await collection.find({ _id: { $in: taken.map((index) => documents[index]!._id) } }).toArray();
  const byId = new Map(stored.map((document) => [document._id, document]));
  for (const index of taken) {
    const document = documents[index]!;
    const other = byId.get(document._id);
    const reason = other && isWhole(other) ? otherThan(document, other) : await resolve(collection, document);
    if (reason !== undefined) refuse(index, reason);
  }
  return refusals;
}

/** @returns the indexes of the documents that met an existing key or nonce */
async function insert(
  collection: Collection<MessageDocument>,
  documents: readonly WholeMessage[],
  refuse: (index: number, reason: string) => void,
): Promise<number[]> {
  try {
    await collection.insertMany(documents, { ordered: false });
    return [];
  } catch (error) {
    const failures = failuresOf(error);
    if (failures.length === 0) throw error;
    if ((error as MongoBulkWriteError).insertedCount + failures.length !== documents.length) throw error;
    const taken: number[] = [];
    for (const failure of failures) {
      const reason = refusalForGood(failure);
      if (failure.code === DUPLICATE_KEY) taken.push(failure.index);
      else if (reason !== undefined) refuse(failure.index, reason);
      else throw error;
    }
    return taken;
  }
}

/** Why a message cannot be stored where `other` is; `undefined` when `other` is this message. */
function otherThan(document: WholeMessage, other: MessageDocument): string | undefined {
  return isSameMessage(other, document) ? undefined : "another message is stored at its position";
}

/**
 * Writes a message that met its own stub, or an earlier send with its nonce and content. Of several such messages the
 * one with the lowest position is kept, in whatever order they arrive. A later one is dropped; if it was stored already,
 * only its stub remains.
 * @returns why it can never be stored; `undefined` when it is stored or dropped
 */
async function resolve(collection: Collection<MessageDocument>, document: WholeMessage): Promise<string | undefined> {
  const { _id, room, ...content } = document;
  for (let attempt = 1; ; attempt++) {
    const holder = content.nonce === undefined ? null : await holderOfSend(collection, document);
    if (holder && holder._id < _id) return undefined;
    if (holder && holder._id > _id) await removeContent(collection, holder._id);
    try {
      await collection.updateOne(
        { _id, at: { $exists: false }, erased: { $exists: false } },
        { $set: content, $setOnInsert: { room } },
        { upsert: true },
      );
      return undefined;
    } catch (error) {
      const reason = refusalForGood(error);
      if (reason !== undefined) return reason;
      if (!isDuplicateKey(error)) throw error;
      const other = await collection.findOne({ _id });
      if (other && isWhole(other)) return otherThan(document, other);
      if (attempt === RESOLVE_ATTEMPTS) throw error;
    }
  }
}

/** The stored message with this sender, nonce and content. */
export function holderOfSend(
  collection: Collection<MessageDocument>,
  { room, who, nonce }: Pick<MessageDocument, "room" | "who" | "nonce">,
) {
  return collection.findOne({ room, who: who!, nonce: nonce! }, { projection: { _id: 1 } });
}

/** Drops repeated sends that were stored while the unique index was missing. Reads all messages. */
export async function dropRepetitions(collection: Collection<MessageDocument>): Promise<void> {
  const repeated = collection.aggregate<{ ids: string[] }>(
    [
      { $match: { nonce: { $exists: true } } },
      { $group: { _id: { room: "$room", who: "$who", nonce: "$nonce" }, ids: { $push: "$_id" } } },
      { $match: { "ids.1": { $exists: true } } },
    ],
    { allowDiskUse: true, timeoutMS: REPAIR_LIMIT_MS },
  );
  for await (const { ids } of repeated) {
    for (const id of ids.sort().slice(1)) await removeContent(collection, id);
  }
}

/** Turns a message into a stub: its edits and deletes remain, as if the message had not arrived yet. */
export async function removeContent(collection: Collection<MessageDocument>, _id: string): Promise<void> {
  const content = { user: 1, userId: 1, message: 1, at: 1, replyTo: 1, nonce: 1, who: 1 } as const;
  await collection.updateOne({ _id }, { $unset: content });
  const bare = { at: { $exists: false }, edit: { $exists: false }, deleted: { $exists: false } };
  await collection.deleteOne({ _id, ...bare });
}

/** Whether the document is no stub: it has its content, or was emptied for good. */
function isWhole({ at, erased }: MessageDocument): boolean {
  return at !== undefined || erased === true;
}

/** An erased message takes no edit: its text must not come back. */
function unlessErased(value: object) {
  return { $cond: [{ $ifNull: ["$erased", false] }, "$$REMOVE", value] };
}

/** Writes edits and deletes, which may arrive before their message. */
export async function writeCorrections(
  collection: Collection<MessageDocument>,
  edits: readonly EditChange[],
  deletes: readonly DeleteChange[],
): Promise<Refusal[]> {
  const refusals: Refusal[] = [];
  const changes = [...edits, ...deletes];
  const operations: AnyBulkWriteOperation<MessageDocument>[] = [
    ...edits.map(({ room, target, seq, message, at }) => ({
      updateOne: {
        filter: { _id: messageKey(room, target) },
        update: [{ $set: { room, edit: unlessErased({ $max: ["$edit", { $literal: { seq, message, at } }] }) } }],
        upsert: true,
      },
    })),
    ...deletes.map(({ room, target, seq, at }) => ({
      updateOne: {
        filter: { _id: messageKey(room, target) },
        update: { $min: { deleted: { seq, at } }, $setOnInsert: { room } },
        upsert: true,
      },
    })),
  ];
  await bulkUpsert(collection, operations, (index, reason) => {
    const { target, seq } = changes[index]!;
    refusals.push({ position: { epoch: target.epoch, seq }, reason });
  });
  return refusals;
}
