/** Time as the SDK needs it. Injected, so that tests wait for nothing. */
export interface Clock {
  /** Milliseconds since 1970, never going back within one process. */
  now(): number;
  /** Runs once after `ms`. @returns cancels it; harmless afterwards. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
