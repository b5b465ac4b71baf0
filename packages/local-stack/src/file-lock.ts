import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

const RETRY_INTERVAL_MS = 100;

export interface FileLock {
  release(): void;
}

/**
 * Takes the lock on a file, or says that another process has it. SQLite's is the one kernel lock on a file that Node can
 * take: it goes with its process, however that ends, so there is no such thing as a stale one.
 */
export function tryLock(path: string): FileLock | undefined {
  const database = new DatabaseSync(path);
  try {
    // Nothing is ever written: no journal.
    database.exec("PRAGMA journal_mode = OFF; BEGIN EXCLUSIVE");
    return { release: () => database.close() };
  } catch (error) {
    database.close();
    if (error instanceof Error && error.message.includes("locked")) return undefined;
    throw error;
  }
}

/** Waits for the lock on a file as long as it takes. `onWait` is called once if there is anything to wait for. */
export async function lock(path: string, onWait: () => void): Promise<FileLock> {
  for (let attempt = 0; ; attempt++) {
    const held = tryLock(path);
    if (held) return held;
    if (attempt === 0) onWait();
    await delay(RETRY_INTERVAL_MS);
  }
}
