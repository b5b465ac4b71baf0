import { setTimeout as delay } from "node:timers/promises";

const POLL_INTERVAL_MS = 5;
const DEFAULT_LIMIT_MS = 30_000;

export interface EventuallyOptions {
  /** How long to wait, in milliseconds. Default 30,000. */
  readonly limitMs?: number;
}

type Truthy<T> = Exclude<T, undefined | null | false | 0 | "">;

/**
 * Waits until `condition` is truthy, and returns its value.
 * @throws an error that shows the condition, when the limit has passed; whatever the condition throws
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  { limitMs = DEFAULT_LIMIT_MS }: EventuallyOptions = {},
): Promise<Truthy<T>> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value) return value as Truthy<T>;
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${condition}`);
    await delay(POLL_INTERVAL_MS);
  }
}
