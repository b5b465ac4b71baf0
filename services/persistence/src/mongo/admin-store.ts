import type { AdminStore } from "../store/admin-store.ts";
import { MongoAuditLog } from "./audit-log.ts";
import { keepConnecting, openMongoClient } from "./client.ts";
import { MongoDeadLetters } from "./dead-letters.ts";
import { MongoErasure } from "./erasure.ts";
import { MongoJobQueue } from "./job-queue.ts";
import { MongoMessageSearch } from "./message-search.ts";

/** Few, so that the admin page cannot crowd out the projection. */
const MAX_CONNECTIONS = 4;
/**
 * How long a write waits for a majority. Sockets have no time limit, because an erasure may take hours. The driver
 * notices a stopped server by its missing heartbeats and fails the operations that wait for it.
 */
const MAJORITY_LIMIT_MS = 10_000;

/**
 * Returns at once and connects in the background, for as long as that takes.
 * @param caFile a CA file; with it, the client trusts only servers with a certificate of that CA
 * @throws ConfigError when the URL is not usable
 */
export function openMongoAdminStore(url: string, caFile?: string): AdminStore {
  const client = openMongoClient(url, caFile, {
    appName: "madang-admin",
    majorityLimitMs: MAJORITY_LIMIT_MS,
    maxPoolSize: MAX_CONNECTIONS,
  });
  const db = client.db();
  const stopConnecting = keepConnecting(client);
  const audit = new MongoAuditLog(db);
  const deadLetters = new MongoDeadLetters(db);
  return {
    audit,
    deadLetters,
    jobs: new MongoJobQueue(db),
    search: new MongoMessageSearch(db),
    erasure: new MongoErasure(db, deadLetters, audit),
    close: async () => {
      stopConnecting();
      await client.close();
    },
  };
}
