/** Source of time. Tests inject their own. */
export interface Clock {
  /** Milliseconds since 1970. It never goes back within one process. */
  now(): number;
  /** Calls `run` once after `ms` milliseconds. @returns a function that cancels the call and is harmless afterwards */
  after(ms: number, run: () => void): () => void;
}

/** Difference between the time of day and `performance.now`. */
let behindMs = performance.timeOrigin;

/**
 * On most platforms `performance.now` stops while the machine sleeps, so a connection that died meanwhile would look
 * fresh. The time of day continues, but may be set back: the clock follows it forward only.
 */
export const systemClock: Clock = {
  now() {
    const runMs = performance.now();
    behindMs = Math.max(behindMs, Date.now() - runMs);
    return behindMs + runMs;
  },
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
