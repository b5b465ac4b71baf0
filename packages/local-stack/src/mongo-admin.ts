/** Makes a single mongod the primary of its own replica set. */
import { type Document, MongoClient, MongoServerError } from "mongodb";
import { until } from "./wait.ts";

export const REPLICA_SET = "rs0";

const NOT_YET_INITIATED = 94;
const SELECTION_LIMIT_MS = 5000;
/** A set with one member does not wait for other votes. */
const SETTINGS = { heartbeatIntervalMillis: 200, electionTimeoutMillis: 500 };

/** Initiates the set, or changes its port if mongod last served the data on another one. Waits for the election. */
export async function becomePrimary(port: number, signal: AbortSignal): Promise<void> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: SELECTION_LIMIT_MS,
  });
  try {
    const admin = client.db("admin");
    const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
    const config = await admin.command({ replSetGetConfig: 1 }).then(
      (reply) => reply["config"] as Document,
      (error: unknown) => {
        if (error instanceof MongoServerError && error.code === NOT_YET_INITIATED) return undefined;
        throw error;
      },
    );
    if (!config) {
      await admin.command({ replSetInitiate: { _id: REPLICA_SET, members, settings: SETTINGS } });
    } else if (config["members"][0].host !== members[0]!.host) {
      await admin.command({ replSetReconfig: { ...config, version: config["version"] + 1, members }, force: true });
    }
    await until(signal, async () => (await admin.command({ hello: 1 }))["isWritablePrimary"] === true);
  } finally {
    await client.close();
  }
}
