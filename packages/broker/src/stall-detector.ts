/** Longer than a cluster takes to elect another leader for the log: failures during an election are no stall. */
const NOTICED_AFTER_MS = 10_000;
/** After this long without an attempt the state is unknown, which counts as no stall. */
const FORGOTTEN_AFTER_MS = 60_000;

/**
 * Detects a log that has stopped storing although it answers questions. A server with a full disk, for example, still
 * reports its streams and does not answer a publish.
 */
export class StallDetector {
  readonly #now: () => number;
  /** When the first of the failed attempts was made that no answer has followed. */
  #since: number | undefined;
  #failedAt = 0;

  /** @param now a clock, in milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** To be called when an attempt to publish failed. @param sentAt when it was made, on the same clock */
  onFailure(sentAt: number): void {
    const now = this.#now();
    if (this.#since === undefined || now - this.#failedAt > FORGOTTEN_AFTER_MS) this.#since = sentAt;
    this.#failedAt = now;
  }

  /** To be called when the log has answered, or on a new connection. */
  onAnswer(): void {
    this.#since = undefined;
  }

  /** Whether attempts have failed for 10 s or more without an answer, the last of them within 60 s. */
  get stalled(): boolean {
    if (this.#since === undefined || this.#now() - this.#failedAt > FORGOTTEN_AFTER_MS) return false;
    return this.#failedAt - this.#since >= NOTICED_AFTER_MS;
  }
}
