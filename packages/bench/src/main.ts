/** `npm run bench`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { exitOnSignal } from "@madang/local-stack";
import { OperatorError, run } from "@madang/runtime";
import { BASELINE, HELP, type Options, RESULTS_FILE, readOptions } from "./options.ts";
import { charts } from "./report/charts.ts";
import type { Results } from "./report/compare.ts";
import { markdown } from "./report/markdown.ts";
import { runBench } from "./run.ts";

/** Writes progress to standard error. Standard output carries the result. */
const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(args: readonly string[]): Promise<void> {
  const options = readOptions(args);
  if (!options) return void process.stdout.write(HELP);
  if (process.platform !== "linux")
    throw new OperatorError("The benchmark needs Linux: it reads CPU times from /proc.");
  exitOnSignal();
  const { measurements, problems } = await runBench(options, say);
  const results: Results = {
    at: new Date().toISOString(),
    machine: `${cpus()[0]?.model ?? "?"}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`,
    command: ["npm run bench", ...(args.length > 0 ? ["--", ...args] : [])].join(" "),
    measurements,
  };
  write(options, results);
  process.stdout.write(options.json ? `${JSON.stringify(results, undefined, 2)}\n` : markdown(measurements));
  for (const problem of problems) say(`Problem: ${problem}`);
  // A handle that a peer left open must not keep the process alive.
  process.exit(problems.length > 0 ? 1 : 0);
}

function write({ out, writesBaseline }: Options, results: Results): void {
  const json = `${JSON.stringify(results, undefined, 2)}\n`;
  mkdirSync(out, { recursive: true });
  for (const [name, svg] of charts(results.measurements)) writeFileSync(join(out, name), svg);
  if (!out.endsWith("docs/images")) {
    writeFileSync(join(out, RESULTS_FILE), json);
    writeFileSync(
      join(out, "results.md"),
      `${results.command}, ${results.at}, ${results.machine}\n\n${markdown(results.measurements)}`,
    );
  }
  if (writesBaseline) writeFileSync(BASELINE, json);
  say(`Results written to ${out}`);
}

await run(() => main(process.argv.slice(2)));
