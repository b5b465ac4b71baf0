import type { Person } from "@madang/protocol";

/** One act of a moderator. Entries are added and finished, never removed. */
export interface AuditEntry {
  /** Begins with the time of the act, so that ids sort by time. */
  readonly id: string;
  readonly at: string;
  readonly act: string;
  readonly room?: string;
  readonly person?: Person;
  readonly detail?: string;
  /** "interrupted": the process ended during the act, which may or may not have taken effect. */
  readonly state: "begun" | "done" | "failed" | "interrupted";
}

export interface AuditLog {
  add(entry: AuditEntry): Promise<void>;

  finish(id: string, state: "done" | "failed"): Promise<void>;

  /** Whether an act in this room has begun and not ended. */
  hasUnfinished(room: string): Promise<boolean>;

  /** Marks unfinished acts that began between the two times (ISO 8601) as interrupted. */
  markInterrupted(from: string, before: string): Promise<void>;

  /** Entries, newest first, older than the entry with the id `before`. */
  page(before: string | undefined, limit: number): Promise<AuditEntry[]>;
}
