/** `npm run bench:compare [results.json [baseline.json]]`: exit code 1 when something got clearly slower. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BASELINE, DEFAULT_OUT, RESULTS_FILE } from "./options.ts";
import { compare, comparisonText, type Results } from "./report/compare.ts";

const HELP = `Says what got slower since the baseline, in the results that npm run bench has left.

  npm run bench:compare [-- results.json [baseline.json]]

Exit codes: 0 nothing clearly slower, 1 something is, 2 there is nothing to compare.
`;

function read(file: string, howToGet: string): Results {
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Results;
  process.stderr.write(`${file} is not there: ${howToGet}\n`);
  process.exit(2);
}

const args = process.argv.slice(2);
if (args.includes("--help") || args.includes("-h")) {
  process.stdout.write(HELP);
  process.exit(0);
}
const [resultsFile = join(DEFAULT_OUT, RESULTS_FILE), baselineFile = BASELINE] = args;
const results = read(resultsFile, "npm run bench makes it.");
const baseline = read(baselineFile, "npm run bench -- --baseline makes it.");
const differences = compare(baseline, results);
if (differences.length === 0) {
  process.stderr.write("The results and the baseline have no scenario in common.\n");
  process.exit(2);
}
console.log(`Baseline of ${baseline.at} (${baseline.machine}), results of ${results.at} (${results.machine}).`);
console.log(comparisonText(differences));
process.exit(differences.some(({ verdict }) => verdict === "worse") ? 1 : 0);
