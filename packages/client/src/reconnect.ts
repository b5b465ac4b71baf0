/** When to connect again. Pure: time and chance come from outside. */
import { shouldReconnect } from "@madang/protocol/browser";

const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 20_000;
const STABLE_MS = 2000;
/** Longest wait that a server's hint can ask for: what is longer is a mistake, and timers overflow at 2^31. */
export const HINT_CAP_MS = 5 * 60_000;

/**
 * Full jitter: anything from 0 to 0.5 s · 2^attempt, capped at 20 s. Clients that lost the same server at the same
 * moment thus come back spread out.
 * @param attempt failures before this one, from 0
 * @param random as Math.random
 */
export function backoff(attempt: number, random: () => number): number {
  return random() * longest(attempt);
}

/**
 * Whether a connection that was welcomed lived long enough for the back-off to begin anew. A server that falls over under
 * those who come in is so asked ever less often; one that is lost every few seconds for reasons of its own does not make
 * its clients wait for longer than it takes to find another.
 */
export function isStable(livedMs: number): boolean {
  return livedMs >= STABLE_MS;
}

function longest(attempt: number): number {
  return Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
}

/**
 * Milliseconds until the next attempt after a connection ended with `code`; `undefined` when the code says "stop" (F7).
 * @param drainMs what the server's `drain` frame asked for. It is jittered over there, so it counts as it is
 */
export function reconnectDelay(
  code: number,
  attempt: number,
  drainMs: number | undefined,
  random: () => number,
): number | undefined {
  if (!shouldReconnect(code)) return undefined;
  return drainMs !== undefined && drainMs >= 0 ? Math.min(drainMs, HINT_CAP_MS) : backoff(attempt, random);
}
