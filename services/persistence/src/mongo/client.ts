import { ConfigError, certificatePath, readSettingsFile } from "@madang/runtime";
import { MongoClient, type MongoClientOptions } from "mongodb";

/** An outage is noticed within seconds: by a closed socket at once, by silence after these. */
const SELECTION_LIMIT_MS = 2500;
const CONNECT_LIMIT_MS = 2500;
const HEARTBEAT_MS = 2000;
const RETRY_MS = 1000;

/** What is said to be stored is on the disks of a majority. */
const DURABLE = { w: "majority", journal: true } as const;

/**
 * A client that notices outages soon and whose writes are durable. Does not wait for MongoDB.
 * @param caFile trusts servers of this CA, and talks to no others
 * @param majorityLimitMs how long a write waits for the majority; absent: for as long as its socket does
 * @throws ConfigError when the URL cannot be used
 */
export function openMongoClient(
  url: string,
  caFile: string | undefined,
  { majorityLimitMs, ...options }: MongoClientOptions & { readonly majorityLimitMs?: number },
): MongoClient {
  const client = makeClient(url, {
    writeConcern: majorityLimitMs === undefined ? DURABLE : { ...DURABLE, wtimeoutMS: majorityLimitMs },
    serverSelectionTimeoutMS: SELECTION_LIMIT_MS,
    connectTimeoutMS: CONNECT_LIMIT_MS,
    heartbeatFrequencyMS: HEARTBEAT_MS,
    ...(caFile ? { tls: true, tlsCAFile: caFile } : {}),
    ...options,
  });
  // The driver reads the files that the URL names at each attempt to connect, and would try on for ever.
  const { tlsCAFile, tlsCertificateKeyFile, tlsCRLFile } = client.options;
  if (!caFile) certificatePath("MONGODB_URL", tlsCAFile ?? "");
  for (const file of [tlsCertificateKeyFile, tlsCRLFile]) if (file) readSettingsFile("MONGODB_URL", file);
  return client;
}

/**
 * By itself the driver does not get over a first connection that failed: whatever is asked later fails, too. With this it is
 * made anew, for as long as that takes.
 * @returns ends it; to be called before the client is closed
 */
export function keepConnecting(client: MongoClient): () => void {
  let closing = false;
  let retry: NodeJS.Timeout | undefined;
  client.on("topologyClosed", () => {
    // Should this attempt fail as well, we are told so again.
    if (!closing) retry = setTimeout(() => void client.connect().catch(() => {}), RETRY_MS);
  });
  return () => {
    closing = true;
    clearTimeout(retry);
  };
}

function makeClient(url: string, options: MongoClientOptions): MongoClient {
  try {
    const client = new MongoClient(url, options);
    // Only here the driver looks at the name of the database.
    client.db();
    return client;
  } catch {
    // The driver's own text may repeat the password.
    throw new ConfigError("The environment variable MONGODB_URL is not a connection string of MongoDB.");
  }
}
