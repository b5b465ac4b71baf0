import { METRIC_NAMES, METRICS, type Measurement, type MetricName } from "../metrics.ts";
import { OURS, peerTitle } from "../peers/index.ts";
import { findScenario } from "../scenarios/index.ts";
import { ratiosOf } from "./ratios.ts";

/** All measurements as Markdown: first how we stand against each peer, then a table for each scenario. */
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
  return `### Ratios (below 1, Madang needs less)\n\n${table(columns, rows)}`;
}

function section(name: string, measurements: readonly Measurement[]): string {
  const scenario = findScenario(name);
  const ours = measurements.filter((measurement) => measurement.scenario === name);
  const used = METRIC_NAMES.filter((metric) => ours.some(({ metrics }) => metrics[metric] !== undefined));
  const stepped = ours.some(({ step }) => step !== undefined);
  const rows = ours.map(({ peer, step, metrics, cpuBy }) => [
    peerTitle(peer),
    ...(stepped ? [step?.toLocaleString("en") ?? ""] : []),
    ...used.map((metric) => number(metrics[metric], metric)),
    Object.entries(cpuBy ?? {})
      .map(([process, us]) => `${process} ${us.toPrecision(2)}`)
      .join(", "),
  ]);
  const columns = [
    "",
    ...(stepped ? [scenario?.step ?? "step"] : []),
    ...used.map((metric) => METRICS[metric].title),
    "CPU by process, us",
  ];
  return `### ${scenario?.title ?? name}\n\n${table(columns, rows)}\n\n\`npm run bench -- --scenario ${name}\``;
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
