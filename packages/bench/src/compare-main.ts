/** `npm run bench:compare`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HELP_OPTION, OperatorError, readArguments, run, UsageError } from "@madang/runtime";
import { BASELINE, DEFAULT_OUT, RESULTS_FILE } from "./options.ts";
import { compare, comparisonText, type Results } from "./report/compare.ts";

const HELP = `Compares the results of the last npm run bench with the baseline, and lists the figures that got worse.

  npm run bench:compare [-- results.json [baseline.json]]

Exit codes: 0 no figure is clearly worse, 1 a figure is, 2 nothing to compare, or wrong command line.
`;
const NOTHING_TO_COMPARE = 2;

function read(file: string, howToGet: string): Results {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Results;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem = code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? "not JSON"})`;
    throw new OperatorError(`${file} ${problem}: ${howToGet}`, NOTHING_TO_COMPARE);
  }
}

await run(async () => {
  const { values, positionals } = readArguments({ options: { help: HELP_OPTION }, allowPositionals: true });
  if (values.help) return console.log(HELP);
  if (positionals.length > 2) throw new UsageError("At most two files can be given.");
  const [resultsFile = join(DEFAULT_OUT, RESULTS_FILE), baselineFile = BASELINE] = positionals;
  const results = read(resultsFile, "npm run bench creates it.");
  const baseline = read(baselineFile, "npm run bench -- --baseline creates it.");
  const differences = compare(baseline, results);
  if (differences.length === 0) {
    throw new OperatorError("The results and the baseline have no scenario in common.", NOTHING_TO_COMPARE);
  }
  console.log(`Baseline of ${baseline.at} (${baseline.machine}), results of ${results.at} (${results.machine}).`);
  console.log(comparisonText(differences));
  process.exitCode = differences.some(({ verdict }) => verdict === "worse") ? 1 : 0;
});
