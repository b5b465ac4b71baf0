/** `npm run attack`. */
import { parseArgs } from "node:util";
import { losses, table } from "./report.ts";
import { type RunSettings, run } from "./run.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";

const MAX_SECONDS = 120;
const HELP = `Attacks a whole Madang on loopback while 50 honest members chat in 10 rooms, and measures what they notice.
Exit code 1 when they lost anything; a timing never fails it.

  npm run attack -- [options]

  --scenario a,b   only these (default: all)
  --seconds n      of calm, and of each attack (default 12; time-outs take 10 s to be seen)
  --scale n        share of the scenarios' counts (default 1)
  --json           results as JSON lines on standard output, not as a Markdown table
  --help

The attacker takes only the processor time that nobody else wants: what members notice is the server's work, not the lack of a core.
It opens up to 10,000 sockets: \`ulimit -n\` should be 12000 or more.

Scenarios:
${SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(20)} ${summary}`).join("\n")}
`;

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function options() {
  const string = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  try {
    return parseArgs({ options: { scenario: string, seconds: string, scale: string, json: flag, help: flag } }).values;
  } catch (error) {
    fail((error as Error).message);
  }
}

function number(name: string, text: string | undefined, byDefault: number, most: number): number {
  const value = text === undefined ? byDefault : Number(text);
  if (value > 0 && value <= most) return value;
  fail(`--${name} takes a number above 0, up to ${most}.`);
}

function chosen(names: string | undefined): readonly Scenario[] {
  if (names === undefined) return SCENARIOS;
  return names.split(",").map((name) => {
    const scenario = SCENARIOS.find((each) => each.name === name.trim());
    return scenario ?? fail(`There is no scenario "${name}": see --help.`);
  });
}

const values = options();
if (values.help) {
  console.log(HELP);
} else {
  const settings: RunSettings = {
    seconds: number("seconds", values.seconds, 12, MAX_SECONDS),
    scale: number("scale", values.scale, 1, 1),
    warmUpS: 3,
    recoveryS: 4,
  };
  const results = [];
  for (const scenario of chosen(values.scenario)) {
    console.error(`${scenario.name} …`);
    const result = await run(scenario, settings);
    results.push(result);
    if (values.json) console.log(JSON.stringify(result));
    for (const loss of losses(result)) console.error(`${scenario.name}: ${loss}`);
  }
  if (!values.json) console.log(table(results));
  process.exitCode = results.every((result) => losses(result).length === 0) ? 0 : 1;
}
