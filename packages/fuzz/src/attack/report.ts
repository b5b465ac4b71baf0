import type { HonestReport } from "./honest.ts";
import type { Result } from "./run.ts";

const COLUMNS = [
  "attack",
  "tried",
  "answers",
  "p50 ms",
  "p99 ms: calm, busy → attacked",
  "newcomers, p50 (max) ms",
  "edge busy (waited)",
  "edge memory before → peak → after, MiB",
  "heap and buffers, MiB",
  "verdict",
];
/** An attack counts as "slower" if the p99 reaches this multiple of the p99 on a busy machine. */
const SLOW = 2;

/**
 * A Markdown table with one row per attack.
 * @param attacks the runs of each attack; the row shows the run with the median slowdown, and the slowdown of all runs
 */
export function table(attacks: readonly (readonly Result[])[]): string {
  const lines = attacks.map((runs) => {
    const sorted = runs.toSorted((a, b) => ratio(a) - ratio(b));
    const r = sorted[sorted.length >> 1]!;
    return [
      `**${r.scenario}**: ${r.summary}`,
      list(r.attack.tried),
      list(r.attack.answered) || "–",
      `${ms(r.busy.latency.p50Ms)} → ${ms(r.during.latency.p50Ms)}`,
      `${ms(r.calm.latency.p99Ms)}, ${ms(r.busy.latency.p99Ms)} → ${ms(r.during.latency.p99Ms)} (${sorted.map(times).join(", ")})`,
      `${newcomers(r.busy)} → ${newcomers(r.during)}`,
      `${percent(r.edge.busy)} (${percent(r.edge.waited)})`,
      `${mib(r.memory.before)} → ${mib(r.memory.peak)} → ${mib(r.memory.after)}`,
      `${mib(r.heap.before)} → ${mib(r.heap.after)}`,
      verdict(r, runs),
    ];
  });
  return [COLUMNS, COLUMNS.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The losses of honest members, one line each. Slowness is not a loss. */
export function losses(result: Result): string[] {
  const losses: string[] = [];
  for (const { lost, twiceOrDisordered, refused, closed } of [result.calm, result.busy, result.during, result.after]) {
    if (lost > 0) losses.push(`${lost} deliveries lost`);
    if (twiceOrDisordered > 0) losses.push(`${twiceOrDisordered} deliveries doubled or out of order`);
    if (refused > 0) losses.push(`${refused} messages refused`);
    if (closed > 0) losses.push(`${closed} members disconnected`);
  }
  if (result.after.turnedAway > 0) losses.push("newcomers not admitted after the attack");
  return [...losses, ...result.damage];
}

function verdict(middle: Result, runs: readonly Result[]): string {
  const problems = runs.flatMap(losses);
  if (problems.length > 0) return `FAILED: ${problems.join("; ")}`;
  const notes: string[] = [];
  const turnedAway = runs.reduce((sum, { during }) => sum + during.turnedAway, 0);
  const stalls = runs.reduce((sum, run) => sum + run.stalls, 0);
  if (ratio(middle) >= SLOW) notes.push("slower");
  if (turnedAway > 0) notes.push(`${turnedAway} newcomers not admitted`);
  if (stalls > 0) notes.push(`${stalls} stalls`);
  return notes.join(", ") || "held";
}

function ratio({ busy, during }: Result): number {
  return during.latency.p99Ms / busy.latency.p99Ms;
}

function newcomers({ newcomers: { p50Ms, maxMs } }: HonestReport): string {
  return `${p50Ms.toFixed(0)} (${maxMs.toFixed(0)})`;
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([kind, count]) => `${count.toLocaleString("en")} ${kind}`)
    .join(", ");
}

const times = (result: Result) => `×${ratio(result).toFixed(1)}`;
const ms = (value: number) => value.toFixed(1);
const mib = (value: number) => value.toFixed(0);
const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
