/** So many in so long. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

/** A rounding error is no reason to refuse. */
const ROUNDING_MS = 1e-6;

/**
 * A token bucket kept as one number, the time at which it will be full again (GCRA): no timer, nothing to refill.
 * It holds `count` and gets them back evenly over `windowMs`.
 */
export class Bucket {
  readonly #rate: Rate;
  #fullAt = 0;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Takes out one, or as many as that weighs. @returns 0, or the milliseconds until there is as much to take */
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
 * A bucket for each key. What others have taken out of it may be more than there was: that is owed, and comes back
 * first. Buckets that are full again, which are as good as new ones, are dropped from time to time.
 */
export class Buckets {
  /** When each will be full again. */
  readonly #fullAt = new Map<string, number>();
  #sweepAtSize = 1024;

  /** As {@link Bucket.take}. A key keeps to one rate. */
  take(key: string, { count, windowMs }: Rate, now: number): number {
    const stepMs = windowMs / count;
    const waitMs = this.#fillMs(key, now) + stepMs - windowMs;
    if (waitMs > ROUNDING_MS) return waitMs;
    this.charge(key, stepMs, now);
    return 0;
  }

  /** Takes out what fills again in `ms`. */
  charge(key: string, ms: number, now: number): void {
    this.#set(key, this.#fillMs(key, now) + ms, now);
  }

  /** Makes it at least so empty that it needs `ms` to fill. */
  lower(key: string, ms: number, now: number): void {
    if (ms > this.#fillMs(key, now)) this.#set(key, ms, now);
  }

  /** The milliseconds that each bucket needs to fill, of those that are not full. */
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
