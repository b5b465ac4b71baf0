import type { Measurement, MetricName } from "../metrics.ts";
import { METRICS } from "../metrics.ts";
import { OURS } from "../peers/index.ts";
import { findScenario } from "../scenarios/index.ts";

/** The main metric of one scenario, compared with the peers. */
export interface Ratio {
  readonly scenario: string;
  readonly step: number | undefined;
  readonly metric: MetricName;
  readonly ours: number;
  /** Madang's figure divided by the best peer's, or the reverse where more is better. Below 1 is good. */
  readonly best: number;
  readonly against: Readonly<Record<string, number>>;
}

/** Compares figures of the same run only, because machines and their load differ. */
export function ratiosOf(measurements: readonly Measurement[]): Ratio[] {
  return measurements.flatMap(({ scenario, step, peer, metrics }) => {
    const metric = findScenario(scenario)?.main;
    const ours = metric && metrics[metric];
    if (peer !== OURS || !metric || !ours) return [];
    const against: Record<string, number> = {};
    for (const other of measurements) {
      const theirs = other.metrics[metric];
      const isPeer = other.scenario === scenario && other.step === step && !other.peer.startsWith(OURS);
      if (isPeer && theirs) against[other.peer] = METRICS[metric].better === "more" ? theirs / ours : ours / theirs;
    }
    if (Object.keys(against).length === 0) return [];
    return [{ scenario, step, metric, ours, best: Math.max(...Object.values(against)), against }];
  });
}
