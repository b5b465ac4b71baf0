/** A rate limit: `count` at once, refilled evenly within `windowMs`. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

/** Tolerance for rounding errors of floating-point numbers. */
const ROUNDING_MS = 1e-6;

/** A token bucket, stored as the time at which it will be full again (GCRA). It needs no timer. */
export class Bucket {
  readonly #rate: Rate;
  #fullAt = 0;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Takes `weight` tokens. @returns 0, or the milliseconds until the bucket has them; then nothing is taken */
  take(now: number, weight = 1): number {
    const { count, windowMs } = this.#rate;
    const fullAt = Math.max(this.#fullAt, now) + (weight * windowMs) / count;
    const waitMs = fullAt - now - windowMs;
    if (waitMs > ROUNDING_MS) return waitMs;
    this.#fullAt = fullAt;
    return 0;
  }
}

/**
 * A bucket for each key. {@link charge} may take more than the bucket has, which leaves a debt that refills first.
 * Buckets that are full again are removed.
 */
export class Buckets {
  /** The time at which each bucket will be full again, in milliseconds. */
  readonly #fullAt = new Map<string, number>();
  #sweepAtSize = 1024;

  /** Takes one token, like {@link Bucket.take}. The rate of a key must not change. */
  take(key: string, { count, windowMs }: Rate, now: number): number {
    const stepMs = windowMs / count;
    const waitMs = this.#fillMs(key, now) + stepMs - windowMs;
    if (waitMs > ROUNDING_MS) return waitMs;
    this.charge(key, stepMs, now);
    return 0;
  }

  /** Takes the tokens that refill in `ms`, also below zero. */
  charge(key: string, ms: number, now: number): void {
    this.#set(key, this.#fillMs(key, now) + ms, now);
  }

  /** Lowers the bucket to the level that needs `ms` to refill. A lower bucket is unchanged. */
  lower(key: string, ms: number, now: number): void {
    if (ms > this.#fillMs(key, now)) this.#set(key, ms, now);
  }

  /** The milliseconds that each bucket needs to refill, except for full buckets. */
  *levels(now: number): Iterable<[key: string, ms: number]> {
    for (const [key, fullAt] of this.#fullAt) if (fullAt > now) yield [key, fullAt - now];
  }

  get size(): number {
    return this.#fullAt.size;
  }

  #fillMs(key: string, now: number): number {
    return Math.max((this.#fullAt.get(key) ?? now) - now, 0);
  }

  #set(key: string, ms: number, now: number): void {
    if (this.#fullAt.size >= this.#sweepAtSize && !this.#fullAt.has(key)) {
      for (const [other, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(other);
      this.#sweepAtSize = Math.max(1024, this.#fullAt.size * 2);
    }
    this.#fullAt.set(key, now + ms);
  }
}
