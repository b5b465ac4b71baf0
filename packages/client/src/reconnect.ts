/** Backoff between attempts. The functions are pure: the caller supplies time and randomness. */

const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 20_000;
const STABLE_MS = 2000;
/** Longest wait that a server can ask for. Timers overflow at 2^31 ms. */
export const HINT_CAP_MS = 5 * 60_000;

/**
 * Full jitter: 0 to 0.5 s · 2^attempt, at most 20 s. It spreads the clients that lost the same server.
 * @param attempt number of failures before this one, from 0
 * @param random returns a number from 0 to 1, like `Math.random`
 * @returns milliseconds
 */
export function backoff(attempt: number, random: () => number): number {
  return random() * longest(attempt);
}

/**
 * Whether a connection lived long enough after its welcome to reset the backoff. A server that fails under the load of
 * new clients therefore gets ever fewer attempts.
 */
export function isStable(livedMs: number): boolean {
  return livedMs >= STABLE_MS;
}

function longest(attempt: number): number {
  return Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
}

/**
 * Time until the next attempt.
 * @param attempt number of failures before this one, from 0
 * @param drainMs milliseconds from the server's `drain` frame. The server added the jitter
 * @returns milliseconds
 */
export function reconnectDelay(attempt: number, drainMs: number | undefined, random: () => number): number {
  return drainMs !== undefined && drainMs >= 0 ? Math.min(drainMs, HINT_CAP_MS) : backoff(attempt, random);
}
