/** When to connect again. Pure: time and chance come from outside. */
import { shouldReconnect } from "@madang/protocol/browser";

const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 20_000;
/** Longest wait that a server's hint can ask for: what is longer is a mistake, and timers overflow at 2^31. */
export const HINT_CAP_MS = 5 * 60_000;

/**
 * Full jitter: anything from 0 to 0.5 s · 2^attempt, capped at 20 s. Clients that lost the same server at the same
 * moment thus come back spread out.
 * @param attempt failures before this one, from 0
 * @param random as Math.random
 */
export function backoff(attempt: number, random: () => number): number {
  return random() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
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
  return drainMs === undefined ? backoff(attempt, random) : Math.min(drainMs, HINT_CAP_MS);
}
