import type { Result } from "./trial.ts";

const COLUMNS = ["scenario", "faults", "acknowledged", "lost", "duplicated", "disordered", "longest stall", "notes"];

/** A Markdown table with one row per scenario. */
export function table(results: readonly Result[]): string {
  const lines = results.map((r) => [
    r.scenario,
    r.faults,
    r.acknowledged,
    r.lost,
    r.duplicated,
    r.disordered,
    `${seconds(r.stallMs)} (bare ${seconds(r.bareStallMs)})`,
    r.notes.join("; "),
  ]);
  const rows = [COLUMNS, COLUMNS.map(() => "---"), ...lines];
  return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Whether Madang kept all of its guarantees. */
export function held({ lost, duplicated, disordered, problems }: Result): boolean {
  return lost + duplicated + disordered + problems.length === 0;
}
