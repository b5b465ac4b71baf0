import type { Logger } from "./logger.ts";

const INTERVAL_MS = 60_000;

/** Logs a failure that may repeat during an outage. `what` is the kind of failure, and becomes the log message. */
export type FailureLog = (what: string, error: Error) => void;

/**
 * Logs the first failure of each kind at once, and repetitions at most once a minute. `leftOut` counts the failures that
 * were not logged since the last line of that kind.
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
