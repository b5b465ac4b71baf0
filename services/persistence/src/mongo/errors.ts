import { ProtocolError } from "@madang/protocol";
import {
  type AnyBulkWriteOperation,
  type Collection,
  type Document,
  MongoBulkWriteError,
  MongoError,
  MongoServerError,
} from "mongodb";

export const DUPLICATE_KEY = 11000;
/** BadValue, DocumentValidationFailure, BSONObjectTooLarge, KeyTooLong. */
const REFUSED_FOR_GOOD = new Set<unknown>([2, 121, 10334, 17280]);

/** Why the store will not take a document however often it is asked; `undefined`: it may take it yet. */
export function refusalForGood(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return REFUSED_FOR_GOOD.has(code) ? `the store refused it: ${code}` : undefined;
}

/** Whether somebody else made the document in this moment, or it holds what has to be unique. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/**
 * Idempotent upserts. Two instances that make one document at once get it right at the second go.
 * @param refuse told of each that will never be taken; absent: such a one fails the whole
 */
export async function bulkUpsert<D extends Document>(
  collection: Collection<D>,
  operations: AnyBulkWriteOperation<D>[],
  refuse?: (index: number, reason: string) => void,
): Promise<void> {
  if (operations.length === 0) return;
  const write = () => collection.bulkWrite(operations, { ordered: false });
  try {
    await write().catch((error) => {
      if (failuresOf(error).some(({ code }) => code === DUPLICATE_KEY)) return write();
      throw error;
    });
  } catch (error) {
    if (!refuse) throw error;
    const failures = failuresOf(error).map((failure) => ({ ...failure, reason: refusalForGood(failure) }));
    const { matchedCount, upsertedCount } = error as MongoBulkWriteError;
    if (failures.length === 0 || matchedCount + upsertedCount + failures.length !== operations.length) throw error;
    if (failures.some(({ reason }) => reason === undefined)) throw error;
    for (const { index, reason } of failures) refuse(index, reason!);
  }
}

/**
 * What failed of the documents of a bulk write, when nothing else did. An outage comes in the same class, without a word
 * about the documents: whoever goes on must have accounted for each.
 */
export function failuresOf(error: unknown): { readonly index: number; readonly code: number }[] {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return [];
  return [error.writeErrors].flat().map(({ index, code }) => ({ index, code: Number(code) }));
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
