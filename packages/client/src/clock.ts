/** Time as the SDK needs it. Injected, so that tests wait for nothing. */
export interface Clock {
  /** Milliseconds since 1970, never going back within one process. */
  now(): number;
  /** Runs once after `ms`. @returns cancels it; harmless afterwards. */
  after(ms: number, run: () => void): () => void;
}

/** What `performance.now` is behind the time of day. */
let behindMs = performance.timeOrigin;

/**
 * Nearly everywhere `performance.now` stands still while the machine sleeps, and a connection that has died meanwhile
 * would pass for one just heard of. The time of day goes on, but may be put back: the clock follows it forward alone.
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
