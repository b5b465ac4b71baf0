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

/** Why MongoDB will never accept a document; `undefined` when a retry may succeed. */
export function refusalForGood(error: unknown): string | undefined {
  const { code } = error as { code?: unknown };
  return REFUSED_FOR_GOOD.has(code) ? `MongoDB refused it with error code ${code}` : undefined;
}

/** Whether the document exists already, or another one holds a value that must be unique. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/**
 * Runs idempotent upserts. Two instances that upsert the same document at once may collide; the second attempt succeeds.
 * @param refuse called for each operation that MongoDB will never accept; without it, such an operation fails the call
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
 * The documents of a bulk write that failed by themselves; empty for every other error. The driver reports an outage
 * with the same class, so a caller that continues must account for each document.
 */
export function failuresOf(error: unknown): { readonly index: number; readonly code: number }[] {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return [];
  return [error.writeErrors].flat().map(({ index, code }) => ({ index, code: Number(code) }));
}

/** Keeps only the error's name: the server's message may contain what users typed, and must not reach a log. */
export function safeError(error: unknown): Error {
  const isServers = error instanceof MongoServerError && error.code !== undefined;
  if (isServers) return new Error(`MongoDB refused: ${error.codeName ?? error.code}`);
  return error instanceof Error ? error : new Error(String(error));
}

/** Runs a read for a request. @throws ProtocolError `history_unavailable` */
export async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MongoError)) throw error;
    throw new ProtocolError("history_unavailable", { retryAfter: 1, cause: safeError(error) });
  }
}
