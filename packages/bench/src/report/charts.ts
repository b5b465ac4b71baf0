import { METRICS, type Measurement, type MetricName } from "../metrics.ts";
import { peerTitle } from "../peers/index.ts";
import { findScenario } from "../scenarios/index.ts";
import { barChart, lineChart } from "./svg.ts";

/** The metrics in the chart of a scenario with steps. */
const CURVES: Readonly<Record<string, readonly MetricName[]>> = {
  open: ["p50Ms", "p99Ms"],
  members: ["cpuUs", "p50Ms", "p99Ms"],
  rooms: ["cpuUs", "p50Ms", "p99Ms"],
  edges: ["cpuUs", "p50Ms", "p99Ms"],
  pages: ["p50Ms"],
};

/** @returns SVG text by file name */
export function charts(measurements: readonly Measurement[]): Map<string, string> {
  const files = new Map<string, string>();
  const bars = barsOf(measurements);
  if (bars) files.set("bench-peers.svg", bars);
  for (const name of new Set(measurements.filter(({ step }) => step !== undefined).map(({ scenario }) => scenario))) {
    files.set(`bench-${name}.svg`, curvesOf(name, measurements));
  }
  return files;
}

function barsOf(measurements: readonly Measurement[]): string | undefined {
  const single = measurements.filter(({ step }) => step === undefined);
  const peers = [...new Set(single.map(({ peer }) => peer))];
  const scenarios = [...new Set(single.map(({ scenario }) => scenario))];
  const groups = scenarios.flatMap((name) => {
    const metric = findScenario(name)?.main;
    const values = peers.map(
      (peer) => metric && single.find((m) => m.scenario === name && m.peer === peer)?.metrics[metric],
    );
    const count = values.filter((value) => value !== undefined).length;
    return metric && METRICS[metric].better === "less" && count > 1 ? [{ label: name, values }] : [];
  });
  if (groups.length === 0) return undefined;
  return barChart({
    title: "Server CPU, us per delivery; idle: KB per connection (less is better)",
    groups,
    names: peers.map(peerTitle),
  });
}

function curvesOf(name: string, measurements: readonly Measurement[]): string {
  const scenario = findScenario(name);
  const mine = measurements.filter((measurement) => measurement.scenario === name);
  const peers = [...new Set(mine.map(({ peer }) => peer))];
  const metrics = CURVES[name] ?? [scenario?.main ?? "cpuUs"];
  const series = peers.flatMap((peer) =>
    metrics.map((metric) => ({
      name: peers.length > 1 ? `${peerTitle(peer)}: ${METRICS[metric].title}` : METRICS[metric].title,
      points: mine.flatMap((m) => {
        const value = m.metrics[metric];
        return m.peer === peer && m.step !== undefined && value ? [[m.step, value] as const] : [];
      }),
    })),
  );
  const units = [...new Set(metrics.map((metric) => (metric.endsWith("Ms") ? "ms" : "us")))].join(", ");
  return lineChart({ title: scenario?.title.split(";")[0] ?? name, x: scenario?.step ?? "", y: units, series });
}
