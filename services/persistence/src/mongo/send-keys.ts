import { setTimeout as delay } from "node:timers/promises";
import type { Collection, Db } from "mongodb";
import { type MessageDocument, sendKey, type WholeMessage } from "./documents.ts";
import { DUPLICATE_KEY, failuresOf } from "./errors.ts";
import { holderOfSend, removeContent } from "./messages.ts";

/** Keys of earlier versions name the sender only. */
const HAS_CONTENT = /^[\w-]{22} /;
const BATCH = 1000;
const RETRY_MS = 10_000;
const STATE_ID = "send keys";
/** A limit for a store of any size. The socket's own limit would end the migration after seconds, each time anew. */
const MIGRATION_LIMIT_MS = 3600_000;

/**
 * Brings the keys of messages that an earlier version stored to the present form, once, while the projection runs. Until
 * then a repeat of such a message is stored a second time; it is dropped when its message gets its key.
 */
export async function migrateSendKeys(db: Db, signal: AbortSignal): Promise<void> {
  const state = db.collection<{ _id: string }>("state");
  while (!signal.aborted) {
    try {
      if (await state.findOne({ _id: STATE_ID })) return;
      await addContentToSendKeys(db);
      await state.updateOne({ _id: STATE_ID }, { $set: { done: true } }, { upsert: true });
    } catch {
      // MongoDB is away.
      await delay(RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}

/** Adds the content to the key of every message with a nonce. */
export async function addContentToSendKeys(db: Db): Promise<void> {
  const messages = db.collection<MessageDocument>("messages");
  const projection = { room: 1, user: 1, userId: 1, message: 1, replyTo: 1, nonce: 1 };
  const old = messages.find(
    { nonce: { $exists: true }, who: { $not: HAS_CONTENT } },
    { projection, batchSize: BATCH, timeoutMS: MIGRATION_LIMIT_MS },
  );
  let batch: WholeMessage[] = [];
  for await (const document of old) {
    if (batch.push(document as WholeMessage) < BATCH) continue;
    await setKeys(messages, batch);
    batch = [];
  }
  await setKeys(messages, batch);
}

async function setKeys(messages: Collection<MessageDocument>, batch: readonly WholeMessage[]): Promise<void> {
  if (batch.length === 0) return;
  const operations = batch.map((document) => ({
    updateOne: { filter: { _id: document._id }, update: { $set: { who: sendKey(document) } } },
  }));
  await messages.bulkWrite(operations, { ordered: false }).catch(async (error: unknown) => {
    const failures = failuresOf(error);
    if (failures.length === 0 || failures.some(({ code }) => code !== DUPLICATE_KEY)) throw error;
    for (const { index } of failures) await setKey(messages, batch[index]!);
  });
}

/** Of a message and its repeat, which was stored under the new key already, the one with the lower position is kept. */
async function setKey(messages: Collection<MessageDocument>, document: WholeMessage): Promise<void> {
  const { _id } = document;
  const who = sendKey(document);
  const holder = await holderOfSend(messages, { ...document, who });
  if (holder && holder._id < _id) return removeContent(messages, _id);
  if (holder) await removeContent(messages, holder._id);
  await messages.updateOne({ _id }, { $set: { who } });
}
