import { METRICS, type Measurement, type MetricName } from "../metrics.ts";
import { OURS } from "../peers/index.ts";
import { ratiosOf } from "./ratios.ts";

/** The contents of a results file, and of the baseline. */
export interface Results {
  readonly at: string;
  readonly machine: string;
  readonly command: string;
  readonly measurements: readonly Measurement[];
}

/**
 * The relative change from which a figure counts as worse. Ratios to a peer in the same run vary least. Absolute figures
 * depend on the machine and its load. Latencies vary most.
 */
const TOLERANCE = { ratio: 0.2, absolute: 0.35, latency: 1 } as const;
const LATENCIES: ReadonlySet<MetricName> = new Set(["p50Ms", "p99Ms", "maxMs", "smallPageMs", "largePageMs"]);
/** Compared although neither more nor less is called better. */
const ALSO: readonly MetricName[] = ["lost"];

export interface Difference {
  readonly what: string;
  readonly before: number;
  readonly now: number;
  /** Relative change: 0.1 is 10 % worse, -0.1 is 10 % better. */
  readonly worse: number;
  readonly tolerance: number;
  readonly verdict: "worse" | "better" | "same";
}

/** Compares the figures that both files contain. */
export function compare(baseline: Results, results: Results): Difference[] {
  const before = keyed(baseline);
  return [...keyed(results)].flatMap(([what, now]) => {
    const then = before.get(what);
    if (!then || then.kind !== now.kind) return [];
    const worse = then.value === 0 ? (now.value > 0 ? Number.POSITIVE_INFINITY : 0) : now.value / then.value - 1;
    // A change within the spread of one run is noise.
    const tolerance = Math.max(TOLERANCE[now.kind], now.spread * 1.5, then.spread * 1.5);
    const verdict = worse > tolerance ? "worse" : worse < -tolerance / (1 + tolerance) ? "better" : "same";
    return [{ what, before: then.value, now: now.value, worse, tolerance, verdict } as const];
  });
}

interface Figure {
  readonly kind: keyof typeof TOLERANCE;
  /** Lower is better. */
  readonly value: number;
  readonly spread: number;
}

function keyed({ measurements }: Results): Map<string, Figure> {
  const figures = new Map<string, Figure>();
  const ratios = ratiosOf(measurements);
  for (const { scenario, step, peer, metrics, spread } of measurements) {
    if (peer !== OURS) continue;
    const where = step === undefined ? scenario : `${scenario} ${step}`;
    const ratio = ratios.find((one) => one.scenario === scenario && one.step === step);
    if (ratio) {
      for (const [other, value] of Object.entries(ratio.against)) {
        const deviation = spread?.[ratio.metric] ?? 0;
        const kind = LATENCIES.has(ratio.metric) ? "latency" : "ratio";
        figures.set(`${where}: ${METRICS[ratio.metric].title}, ratio to ${other}`, { kind, value, spread: deviation });
      }
    }
    for (const name of Object.keys(metrics) as MetricName[]) {
      const { better, title } = METRICS[name];
      if (ratio?.metric === name || (better === undefined && !ALSO.includes(name))) continue;
      const value = better === "more" ? 1 / metrics[name]! : metrics[name]!;
      const kind = LATENCIES.has(name) ? "latency" : "absolute";
      figures.set(`${where}: ${title}`, { kind, value, spread: spread?.[name] ?? 0 });
    }
  }
  return figures;
}

/** Describes the differences, the worst first. Unchanged figures are only counted. */
export function comparisonText(differences: readonly Difference[]): string {
  const sorted = differences.toSorted((a, b) => b.worse - a.worse);
  const line = ({ what, worse, tolerance }: Difference) => {
    const share = `${Math.abs(worse * 100).toFixed(0)} %`;
    return `  ${what}: ${share} ${worse > 0 ? "worse" : "better"} (${(tolerance * 100).toFixed(0)} % may be noise)`;
  };
  const of = (verdict: Difference["verdict"]) => sorted.filter((difference) => difference.verdict === verdict);
  const part = (title: string, some: readonly Difference[]) => (some.length > 0 ? [title, ...some.map(line)] : []);
  return [
    ...part("Worse:", of("worse")),
    ...part("Better:", of("better")),
    `${of("same").length} of ${differences.length} figures are unchanged within the noise.`,
  ].join("\n");
}
