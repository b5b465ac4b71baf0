import type { Collection, Db } from "mongodb";
import type { MessageDocument } from "./documents.ts";
import { isDuplicateKey } from "./errors.ts";
import { dropRepetitions } from "./messages.ts";

/** One step in the shape of the data. A step may be repeated after a crash in the middle of it. */
export interface Migration {
  readonly version: number;
  readonly what: string;
  readonly up: (db: Db) => Promise<void>;
}

/**
 * Makes the index, which costs nothing where it is: somebody may have dropped it. What it would have kept out meanwhile goes
 * first, as it would have then.
 */
export async function ensureNonceIndex(db: Db): Promise<void> {
  const messages = db.collection<MessageDocument>("messages");
  const options = { name: "nonce", unique: true, partialFilterExpression: { nonce: { $exists: true } } };
  const make = () => messages.createIndex({ room: 1, who: 1, nonce: 1 }, options);
  try {
    await make();
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    await dropRepetitions(messages);
    await make();
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
/** By MongoDB's clock: those of the instances may differ. */
const UNTIL = { $add: ["$$NOW", LOCK_MS] };
/** One that reaches further than a lock can was given by a clock that has been set back since. */
const IS_OVER = { $expr: { $or: [{ $lt: ["$until", "$$NOW"] }, { $gt: ["$until", UNTIL] }] } };

/**
 * Brings the data to the last version of `migrations`, one instance at a time.
 * @param holder who asks: an attempt of its own whose answer got lost does not lock it out
 * @throws when another instance is at it (try again later), or when the data is of a later version than this program
 */
export async function migrate(db: Db, holder: string, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  const state = db.collection<StateDocument>("state");
  const newest = migrations.at(-1)?.version ?? 0;
  const present = await versionOf(state);
  if (present === newest) return;
  if (present > newest) throw new Error(`the data has version ${present}, this program knows ${newest}`);
  await lock(state, holder);
  try {
    const since = await versionOf(state);
    for (const { version, up } of migrations.filter((migration) => migration.version > since)) {
      await up(db);
      await state.updateOne({ _id: "schema" }, { $max: { version } }, { upsert: true });
      // A step may take long: start the next with the whole time.
      await state.updateOne({ _id: "migration", holder }, [{ $set: { until: UNTIL } }]);
    }
  } finally {
    await state.updateOne({ _id: "migration", holder }, { $unset: { holder: 1, until: 1 } });
  }
}

async function versionOf(state: Collection<StateDocument>): Promise<number> {
  return (await state.findOne({ _id: "schema" }))?.version ?? 0;
}

/** A lock whose holder died is free after {@link LOCK_MS}. */
async function lock(state: Collection<StateDocument>, holder: string): Promise<void> {
  await state.updateOne({ _id: "migration" }, { $setOnInsert: { _id: "migration" } }, { upsert: true });
  const { matchedCount } = await state.updateOne(
    { _id: "migration", $or: [{ holder: { $exists: false } }, { holder }, IS_OVER] },
    [{ $set: { holder, until: UNTIL } }],
  );
  if (matchedCount === 0) throw new Error("another instance is migrating the data");
}
