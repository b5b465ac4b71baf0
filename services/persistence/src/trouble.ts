import type { Logger } from "@madang/runtime";

const INTERVAL_MS = 10_000;

/** Logs failures that repeat: each kind at most once in ten seconds, with the number of those left out. */
export function createTroubleLog(log: Logger): (what: string, error: Error) => void {
  const kinds = new Map<string, { until: number; leftOut: number }>();
  return (what, error) => {
    const known = kinds.get(what);
    if (known && Date.now() < known.until) {
      known.leftOut++;
      return;
    }
    log.warn({ error: error.message, leftOut: known?.leftOut ?? 0 }, what);
    kinds.set(what, { until: Date.now() + INTERVAL_MS, leftOut: 0 });
  };
}
