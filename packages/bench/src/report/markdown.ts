import { METRIC_NAMES, METRICS, type Measurement, type MetricName } from "../metrics.ts";
import { OURS, peerTitle } from "../peers/index.ts";
import { findScenario } from "../scenarios/index.ts";
import { ratiosOf } from "./ratios.ts";
import { short } from "./svg.ts";

/** Columns that appear only if a value is not 0. */
const FAULTS: readonly MetricName[] = ["lost", "twice", "disordered", "errors"];

/** All measurements as Markdown: the ratios to each peer, then one table per scenario. */
export function markdown(measurements: readonly Measurement[]): string {
  const names = [...new Set(measurements.map(({ scenario }) => scenario))];
  return `${[summary(measurements), ...names.map((name) => section(name, measurements))].filter(Boolean).join("\n\n")}\n`;
}

function summary(measurements: readonly Measurement[]): string {
  const ratios = ratiosOf(measurements);
  if (ratios.length === 0) return "";
  const peers = [...new Set(ratios.flatMap(({ against }) => Object.keys(against)))];
  const rows = ratios.map(({ scenario, step, metric, ours, best, against }) => [
    step === undefined ? scenario : `${scenario} ${step}`,
    METRICS[metric].title,
    number(ours, metric),
    best.toFixed(2),
    ...peers.map((peer) => against[peer]?.toFixed(2) ?? ""),
  ]);
  const columns = [
    "scenario",
    "measured",
    peerTitle(OURS),
    "ratio to the best",
    ...peers.map((peer) => `to ${peerTitle(peer)}`),
  ];
  return `### Ratios (below 1: Madang needs less)\n\n${table(columns, rows)}`;
}

function section(name: string, measurements: readonly Measurement[]): string {
  const scenario = findScenario(name);
  const rows = measurements.filter((measurement) => measurement.scenario === name);
  const has = (metric: MetricName) => rows.some(({ metrics }) => metrics[metric] !== undefined);
  const isClean = (metric: MetricName) => rows.every(({ metrics }) => !metrics[metric]);
  const main = scenario && has(scenario.main) ? [scenario.main] : [];
  const others = METRIC_NAMES.filter((m) => has(m) && !main.includes(m) && !(FAULTS.includes(m) && isClean(m)));
  const steps = rows.some(({ step }) => step !== undefined) ? [scenario?.step ?? "step"] : [];
  const columns = ["", ...steps, ...[...main, ...others].map((metric) => METRICS[metric].title)];
  const cells = rows.map(({ peer, step, metrics }) => [
    peerTitle(peer),
    ...steps.map(() => step?.toLocaleString("en") ?? ""),
    ...[...main, ...others].map((metric) => number(metrics[metric], metric)),
  ]);
  const clean = FAULTS.filter((metric) => has(metric) && isClean(metric)).map((metric) => METRICS[metric].title);
  return [
    `### ${scenario?.title ?? name}`,
    table(columns, cells),
    [...processLines(rows), ...(clean.length > 0 ? [`- No peer had any: ${clean.join(", ")}.`] : [])].join("\n"),
    `\`npm run bench -- --scenario ${name}\``,
  ]
    .filter(Boolean)
    .join("\n\n");
}

/** CPU time and memory by process, one line per measurement. */
function processLines(rows: readonly Measurement[]): string[] {
  return rows.flatMap(({ peer, step, cpuBy, memoryBy }) => {
    const subject = `${peerTitle(peer)}${step === undefined ? "" : ` at ${step.toLocaleString("en")}`}`;
    const line = (unit: string, by: Readonly<Record<string, number>>) =>
      `- ${subject}, ${unit}: ${Object.entries(by)
        .map(([process, value]) => `${process} ${short(value)}`)
        .join(", ")}.`;
    return [...(cpuBy ? [line("us of CPU", cpuBy)] : []), ...(memoryBy ? [line("KB per connection", memoryBy)] : [])];
  });
}

function number(value: number | undefined, metric: MetricName): string {
  if (value === undefined || Number.isNaN(value)) return "";
  return value.toLocaleString("en", {
    minimumFractionDigits: METRICS[metric].digits,
    maximumFractionDigits: METRICS[metric].digits,
  });
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [columns, columns.map((_, i) => (i === 0 ? "---" : "---:")), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
