import type { AuditLog } from "../store/audit-log.ts";

/** An act takes seconds. One that is unfinished after this time never finishes, because its process is gone. */
const ACT_LIMIT_MS = 2 * 60_000;
const CHECK_INTERVAL_MS = 30_000;

/**
 * Marks acts that a crash interrupted in the audit log. Such an act may or may not have taken effect, and only its
 * moderator can decide whether to repeat it. Erasures are not concerned: they continue by themselves. Every instance
 * marks the acts of all instances.
 *
 * @returns a function that stops it
 */
export function markInterruptedActs(
  audit: Pick<AuditLog, "markInterrupted">,
  onFailure: (what: string, error: Error) => void,
): () => void {
  // The first check covers all entries; each later check covers those that have become old enough since.
  let checkedTo = "";
  const check = async (): Promise<void> => {
    const before = new Date(Date.now() - ACT_LIMIT_MS).toISOString();
    try {
      await audit.markInterrupted(checkedTo, before);
      checkedTo = before;
    } catch (error) {
      onFailure("the audit log cannot be checked for interrupted acts", error as Error);
    }
  };
  void check();
  const timer = setInterval(check, CHECK_INTERVAL_MS);
  return () => clearInterval(timer);
}
