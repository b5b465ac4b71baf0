import { ProtocolError } from "@madang/protocol";
import { type AnyBulkWriteOperation, type Collection, type Document, MongoError, MongoServerError } from "mongodb";

export const DUPLICATE_KEY = 11000;

/** Whether somebody else made the document in this moment, or it holds what has to be unique. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** Idempotent upserts. Two instances that make one document at once get it right at the second go. */
export async function bulkUpsert<D extends Document>(
  collection: Collection<D>,
  operations: AnyBulkWriteOperation<D>[],
): Promise<void> {
  if (operations.length === 0) return;
  try {
    await collection.bulkWrite(operations, { ordered: false });
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    await collection.bulkWrite(operations, { ordered: false });
  }
}

/** The server's own texts may repeat what users typed (keys of documents), so only their names go on to a log. */
export function safeError(error: unknown): Error {
  const isServers = error instanceof MongoServerError && error.code !== undefined;
  if (isServers) return new Error(`MongoDB refused: ${error.codeName ?? error.code}`);
  return error instanceof Error ? error : new Error(String(error));
}

/** Runs a read on behalf of somebody who waits for an answer. @throws ProtocolError `history_unavailable` */
export async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MongoError)) throw error;
    throw new ProtocolError("history_unavailable", { retryAfter: 1, cause: safeError(error) });
  }
}
