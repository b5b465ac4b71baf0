import { ConfigError, certificatePath, readSettingsFile } from "@madang/runtime";
import { MongoClient, type MongoClientOptions } from "mongodb";

/** The limits after which the driver treats a silent server as lost. It notices a closed socket at once. */
const SELECTION_LIMIT_MS = 2500;
const CONNECT_LIMIT_MS = 2500;
const HEARTBEAT_MS = 2000;
const RETRY_MS = 1000;

/** An acknowledged write is on the disks of a majority. */
const DURABLE = { w: "majority", journal: true } as const;

/**
 * Creates a client with durable writes that notices outages within seconds. Does not wait for MongoDB.
 * @param caFile a CA file; with it, the client trusts only servers with a certificate of that CA
 * @param majorityLimitMs how long a write waits for a majority; without it, the socket's limit applies
 * @throws ConfigError when the URL is not usable
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
  // The driver reads the files that the URL names on every attempt to connect, and would retry for ever.
  const { tlsCAFile, tlsCertificateKeyFile, tlsCRLFile } = client.options;
  if (!caFile) certificatePath("MONGODB_URL", tlsCAFile ?? "");
  for (const file of [tlsCertificateKeyFile, tlsCRLFile]) if (file) readSettingsFile("MONGODB_URL", file);
  return client;
}

/**
 * Connects again, for as long as it takes, when the first connection fails. Without this the driver fails every later
 * operation.
 * @returns a function that stops the attempts; call it before closing the client
 */
export function keepConnecting(client: MongoClient): () => void {
  let closing = false;
  let retry: NodeJS.Timeout | undefined;
  client.on("topologyClosed", () => {
    // A failed attempt emits the event again.
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
    // The driver checks the name of the database only here.
    client.db();
    return client;
  } catch {
    // The driver's own message may contain the password.
    throw new ConfigError("The environment variable MONGODB_URL is not a MongoDB connection string.");
  }
}
