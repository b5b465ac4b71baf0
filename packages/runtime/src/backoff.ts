export interface BackoffSettings {
  /** The first wait, in milliseconds. */
  readonly firstMs: number;
  /** No wait is longer, in milliseconds. */
  readonly lastMs: number;
  /** Each wait is this many times as long as the one before: 1 or more. Default `2`. */
  readonly factor?: number;
  /** The share of each wait that is random, from 0 to 1. Default `0`. With 1 a wait is anything from 0 to its full length. */
  readonly jitter?: number;
}

/** How long to wait before the next attempt: longer after each failure in a row, up to a limit. */
export class Backoff {
  readonly #settings: Required<BackoffSettings>;
  readonly #random: () => number;
  #nextMs: number;

  /** @param random from 0 up to, not including, 1 */
  constructor(settings: BackoffSettings, random: () => number = Math.random) {
    this.#settings = { factor: 2, jitter: 0, ...settings };
    this.#random = random;
    this.#nextMs = settings.firstMs;
  }

  /** To be called once per failed attempt. @returns the wait before the next attempt, in milliseconds */
  next(): number {
    const { lastMs, factor, jitter } = this.#settings;
    const waitMs = Math.min(this.#nextMs, lastMs);
    this.#nextMs = Math.min(waitMs * factor, lastMs);
    return waitMs * (1 - jitter * this.#random());
  }

  /** To be called after a success: the next wait is the first one again. */
  reset(): void {
    this.#nextMs = this.#settings.firstMs;
  }
}
