import type { DeadLetter } from "./changes.ts";

export interface StoredDeadLetter extends DeadLetter {
  readonly id: string;
  readonly at: string;
}

/** Dead letters, for an operator to examine. The projection adds them through `Store.keepDeadLetters`. */
export interface DeadLetters {
  /** Dead letters in the log's order, after the one with the id `after`. */
  page(after: string | undefined, limit: number): Promise<StoredDeadLetter[]>;

  get(id: string): Promise<StoredDeadLetter | undefined>;

  remove(id: string): Promise<void>;

  /** An estimate, taken in constant time. */
  count(): Promise<number>;
}
