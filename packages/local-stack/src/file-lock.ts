import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

const RETRY_INTERVAL_MS = 100;

export interface FileLock {
  release(): void;
}

/**
 * Locks a file. SQLite's lock is the only kernel lock on a file that Node offers. The kernel releases it when the process
 * ends, however that happens, so a lock never becomes stale.
 * @returns undefined when another process holds the lock
 */
export function tryLock(path: string): FileLock | undefined {
  const database = new DatabaseSync(path);
  try {
    // The database stays empty and needs no journal.
    database.exec("PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE");
    return { release: () => database.close() };
  } catch (error) {
    database.close();
    if (error instanceof Error && error.message.includes("locked")) return undefined;
    throw error;
  }
}

/** Waits for the lock on a file without a limit. Calls `onWait` once if another process holds it. */
export async function lock(path: string, onWait: () => void): Promise<FileLock> {
  for (let attempt = 0; ; attempt++) {
    const held = tryLock(path);
    if (held) return held;
    if (attempt === 0) onWait();
    await delay(RETRY_INTERVAL_MS);
  }
}
