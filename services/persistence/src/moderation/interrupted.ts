import type { AdminStore } from "../store/admin-store.ts";

/** An act takes seconds. One that has not ended after this time never will: its process is gone. */
const ACT_LIMIT_MS = 2 * 60_000;
const LOOK_INTERVAL_MS = 30_000;

/**
 * Has the audit log say of acts that a crash cut off that they were interrupted, and may or may not have come about:
 * only their moderator knows whether to do them again. What can be repeated blindly, an erasure, goes on by itself.
 * Any instance says it, of any instance's acts.
 *
 * @returns stops it
 */
export function markInterruptedActs(store: AdminStore, onFailure: (what: string, error: Error) => void): () => void {
  // The first look is at everything, each later one at what has become old enough since.
  let seenTo = "";
  const look = async (): Promise<void> => {
    const before = new Date(Date.now() - ACT_LIMIT_MS).toISOString();
    try {
      await store.interrupt(seenTo, before);
      seenTo = before;
    } catch (error) {
      onFailure("the audit log waits", error as Error);
    }
  };
  void look();
  const timer = setInterval(look, LOOK_INTERVAL_MS);
  return () => clearInterval(timer);
}
