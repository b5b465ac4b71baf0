import { ConfigError } from "@madang/runtime";

/** So many in so long. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const RATE = /^([1-9][0-9]{0,8})\/([1-9][0-9]{0,8})(ms|s|m|h)$/;
const COUNT = /^[1-9][0-9]{0,8}$/;

/** `120/60s`, or `off`. @throws ConfigError */
export function parseRate(variable: string, text: string): Rate | undefined {
  if (text === "off") return undefined;
  const match = RATE.exec(text);
  if (!match) throw new ConfigError(`The environment variable ${variable} must be like 120/60s, or off.`);
  return { count: Number(match[1]), windowMs: Number(match[2]) * UNIT_MS[match[3] as keyof typeof UNIT_MS] };
}

/** A number, or `off`, which is no limit. @throws ConfigError */
export function parseCount(variable: string, text: string): number {
  if (text === "off") return Number.POSITIVE_INFINITY;
  if (!COUNT.test(text)) throw new ConfigError(`The environment variable ${variable} must be a number, or off.`);
  return Number(text);
}

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

  /** Takes one out. @returns 0, or the milliseconds until there is one to take */
  take(now: number): number {
    const { count, windowMs } = this.#rate;
    const fullAt = Math.max(this.#fullAt, now) + windowMs / count;
    const waitMs = fullAt - now - windowMs;
    // A rounding error is no reason to refuse.
    if (waitMs > 1e-6) return waitMs;
    this.#fullAt = fullAt;
    return 0;
  }

  isFull(now: number): boolean {
    return this.#fullAt <= now;
  }
}

/** A bucket for each key. Those that are full again, which are as good as new ones, are dropped from time to time. */
export class Buckets {
  readonly #rate: Rate;
  readonly #buckets = new Map<string, Bucket>();
  #sweepAtSize = 1024;

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** As {@link Bucket.take}. */
  take(key: string, now: number): number {
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      if (this.#buckets.size >= this.#sweepAtSize) this.#sweep(now);
      bucket = new Bucket(this.#rate);
      this.#buckets.set(key, bucket);
    }
    return bucket.take(now);
  }

  get size(): number {
    return this.#buckets.size;
  }

  #sweep(now: number): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(now)) this.#buckets.delete(key);
    this.#sweepAtSize = Math.max(1024, this.#buckets.size * 2);
  }
}
