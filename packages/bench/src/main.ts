/** `npm run bench`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { BASELINE, HELP, type Options, RESULTS_FILE, readOptions, UsageError } from "./options.ts";
import { charts } from "./report/charts.ts";
import type { Results } from "./report/compare.ts";
import { markdown } from "./report/markdown.ts";
import { runBench } from "./run.ts";
import { stopOnSignal } from "./running.ts";

/** Progress goes to standard error: standard output is the result. */
const say = (line: string) => process.stderr.write(`${line}\n`);

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (!options) {
    process.stdout.write(HELP);
    return 0;
  }
  if (process.platform !== "linux") throw new UsageError("The benchmark reads CPU times from /proc: it needs Linux.");
  stopOnSignal(say);
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
  return problems.length > 0 ? 1 : 0;
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
  say(`Written to ${out}`);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    say(error instanceof UsageError ? `${error.message} See --help.` : String((error as Error).stack));
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);
