import type { Logger } from "./logger.ts";

const INTERVAL_MS = 60_000;

/** Tells of a failure that may repeat for as long as an outage lasts. */
export type FailureLog = (what: string, error: Error) => void;

/**
 * Logs failures that repeat: each kind at once, and then at most once a minute, with the number of those left out.
 * @param now a clock, in milliseconds
 */
export function createFailureLog(log: Pick<Logger, "warn">, now = () => performance.now()): FailureLog {
  const kinds = new Map<string, { until: number; leftOut: number }>();
  return (what, error) => {
    const known = kinds.get(what);
    if (known && now() < known.until) {
      known.leftOut++;
      return;
    }
    log.warn({ error: error.message, leftOut: known?.leftOut ?? 0 }, what);
    kinds.set(what, { until: now() + INTERVAL_MS, leftOut: 0 });
  };
}
