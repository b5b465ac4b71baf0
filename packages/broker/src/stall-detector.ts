/** Longer than a cluster takes to choose another leader for the log: attempts that fail meanwhile are nobody's trouble. */
const NOTICED_AFTER_MS = 10_000;
/** Where nobody has tried for so long, nobody knows. */
const FORGOTTEN_AFTER_MS = 60_000;

/**
 * Whether the log has stopped storing though it can be asked: a server whose disk is full, for one, tells all about its
 * streams, and has no answer to a publish.
 */
export class StallDetector {
  readonly #now: () => number;
  /** When the first attempt was made of those that failed with no answer between. */
  #since: number | undefined;
  #failedAt = 0;

  /** @param now a clock, in milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** An attempt to publish that was made at `sentAt` came to nothing. */
  onFailure(sentAt: number): void {
    const now = this.#now();
    if (this.#since === undefined || now - this.#failedAt > FORGOTTEN_AFTER_MS) this.#since = sentAt;
    this.#failedAt = now;
  }

  /** The log has answered, or is to be tried anew. */
  onAnswer(): void {
    this.#since = undefined;
  }

  get stalled(): boolean {
    if (this.#since === undefined || this.#now() - this.#failedAt > FORGOTTEN_AFTER_MS) return false;
    return this.#failedAt - this.#since >= NOTICED_AFTER_MS;
  }
}
