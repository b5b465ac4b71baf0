import type { AuditLog } from "./audit-log.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { Erasure } from "./erasure.ts";
import type { JobQueue } from "./job-queue.ts";
import type { MessageSearch } from "./message-search.ts";

/**
 * The data of the admin page and of erasures. Its methods may take long on a large store, so it has connections of its
 * own and never delays the projection or a page of history.
 */
export interface AdminStore {
  readonly audit: AuditLog;
  readonly jobs: JobQueue;
  readonly deadLetters: DeadLetters;
  readonly search: MessageSearch;
  readonly erasure: Erasure;

  /** Idempotent. */
  close(): Promise<void>;
}
