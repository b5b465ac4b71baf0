import type { Collection, Db } from "mongodb";
import type { MessageDocument } from "./documents.ts";
import { isDuplicateKey } from "./errors.ts";
import { dropRepetitions } from "./messages.ts";

/** One change of the shape of the data. It must be repeatable, because a crash may interrupt it. */
export interface Migration {
  readonly version: number;
  readonly what: string;
  readonly up: (db: Db) => Promise<void>;
}

/**
 * Creates the unique index on nonces if it is missing; an existing one costs nothing. Repeated sends that were stored
 * without the index are dropped first.
 */
export async function ensureNonceIndex(db: Db): Promise<void> {
  const messages = db.collection<MessageDocument>("messages");
  const options = { name: "nonce", unique: true, partialFilterExpression: { nonce: { $exists: true } } };
  const create = () => messages.createIndex({ room: 1, who: 1, nonce: 1 }, options);
  try {
    await create();
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    await dropRepetitions(messages);
    await create();
  }
}

const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    what: "a sender's nonce is unique in a room",
    up: ensureNonceIndex,
  },
  {
    version: 2,
    what: "a room's last message is found among the messages",
    up: async (db) => {
      await db.collection("rooms").updateMany({ last: { $exists: true } }, { $unset: { last: 1 } });
    },
  },
];

interface StateDocument {
  _id: string;
  version?: number;
  holder?: string;
  until?: Date;
}

const LOCK_MS = 60_000;
/** By MongoDB's clock, because the clocks of instances may differ. */
const UNTIL = { $add: ["$$NOW", LOCK_MS] };
/** A lock that ends later than any lock taken now was taken before the clock was set back, and counts as ended. */
const IS_OVER = { $expr: { $or: [{ $lt: ["$until", "$$NOW"] }, { $gt: ["$until", UNTIL] }] } };

/**
 * Migrates the data to the last version of `migrations`, one instance at a time.
 * @param holder identifies the caller, so that a lost answer to its own attempt does not lock it out
 * @throws when another instance is migrating (retry later), or when the data has a later version than this program
 */
export async function migrate(db: Db, holder: string, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  const state = db.collection<StateDocument>("state");
  const newest = migrations.at(-1)?.version ?? 0;
  const present = await versionOf(state);
  if (present === newest) return;
  if (present > newest)
    throw new Error(`the data has version ${present}, but this program supports versions up to ${newest}`);
  await lock(state, holder);
  try {
    const since = await versionOf(state);
    for (const { version, up } of migrations.filter((migration) => migration.version > since)) {
      await up(db);
      await state.updateOne({ _id: "schema" }, { $max: { version } }, { upsert: true });
      // A step may take long, so the next one starts with a full lock.
      await state.updateOne({ _id: "migration", holder }, [{ $set: { until: UNTIL } }]);
    }
  } finally {
    await state.updateOne({ _id: "migration", holder }, { $unset: { holder: 1, until: 1 } });
  }
}

async function versionOf(state: Collection<StateDocument>): Promise<number> {
  return (await state.findOne({ _id: "schema" }))?.version ?? 0;
}

/** The lock of an instance that died ends after {@link LOCK_MS}. */
async function lock(state: Collection<StateDocument>, holder: string): Promise<void> {
  await state.updateOne({ _id: "migration" }, { $setOnInsert: { _id: "migration" } }, { upsert: true });
  const { matchedCount } = await state.updateOne(
    { _id: "migration", $or: [{ holder: { $exists: false } }, { holder }, IS_OVER] },
    [{ $set: { holder, until: UNTIL } }],
  );
  if (matchedCount === 0) throw new Error("another instance is migrating the data");
}
