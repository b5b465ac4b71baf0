/** All metrics, in the order of the table columns. */
export const METRICS = {
  deliveriesPerS: { title: "deliveries/s", digits: 0, better: "more" },
  messagesPerS: { title: "messages/s", digits: 0, better: "more" },
  cpuUs: { title: "server CPU, us/delivery", digits: 2, better: "less" },
  p50Ms: { title: "p50 ms", digits: 2, better: "less" },
  p99Ms: { title: "p99 ms", digits: 2, better: "less" },
  maxMs: { title: "max ms", digits: 1, better: "less" },
  connectionKb: { title: "memory, KB/connection", digits: 1, better: "less" },
  connectsPerS: { title: "connects/s", digits: 0, better: "more" },
  connectUs: { title: "server CPU, us/connect", digits: 0, better: "less" },
  messageUs: { title: "server CPU, us/message", digits: 1, better: "less" },
  smallPageMs: { title: "page of the small room, p50 ms", digits: 2, better: "less" },
  largePageMs: { title: "page of the large room, p50 ms", digits: 2, better: "less" },
  pageRatio: { title: "large : small", digits: 2, better: "less" },
  pagesPerS: { title: "pages/s", digits: 0, better: "more" },
  rssMb: { title: "total memory, MB", digits: 0, better: "less" },
  serverCores: { title: "server cores used", digits: 2, better: undefined },
  generatorCores: { title: "generator cores used", digits: 2, better: undefined },
  generatorBusy: { title: "busiest generator thread", digits: 2, better: undefined },
  lost: { title: "lost", digits: 0, better: undefined },
  twice: { title: "twice or late", digits: 0, better: undefined },
  disordered: { title: "rooms out of order", digits: 0, better: undefined },
  errors: { title: "connections lost", digits: 0, better: undefined },
} as const satisfies Record<string, { title: string; digits: number; better: "more" | "less" | undefined }>;

export type MetricName = keyof typeof METRICS;
export type Metrics = { readonly [name in MetricName]?: number };

export const METRIC_NAMES = Object.keys(METRICS) as MetricName[];

/** One peer in one scenario, or at one step of it. */
export interface Measurement {
  readonly scenario: string;
  readonly peer: string;
  /** The step of a scenario with several steps: messages/s, members or rooms. */
  readonly step?: number;
  readonly metrics: Metrics;
  /** CPU of each server process, in microseconds per delivery. */
  readonly cpuBy?: Readonly<Record<string, number>>;
  /** Growth in memory of each server process, in KB per connection. */
  readonly memoryBy?: Readonly<Record<string, number>>;
  /** With several runs: the largest relative deviation of a metric from its median. */
  readonly spread?: Metrics;
}

/** The median of each metric over several runs of the same step. */
export function medianOf(runs: readonly Measurement[]): Measurement {
  const [first] = runs as readonly [Measurement];
  if (runs.length === 1) return first;
  const metrics: { [name in MetricName]?: number } = {};
  const spread: { [name in MetricName]?: number } = {};
  for (const name of METRIC_NAMES) {
    const values = runs.map((run) => run.metrics[name]).filter((value) => value !== undefined);
    if (values.length === 0) continue;
    const median = middle(values);
    metrics[name] = median;
    spread[name] = median === 0 ? 0 : Math.max(...values.map((value) => Math.abs(value / median - 1)));
  }
  return { ...first, metrics, spread };
}

/** The median; NaN of an empty list. */
export function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
