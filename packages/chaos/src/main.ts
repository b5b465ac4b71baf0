/** `npm run chaos`. */
import { parseArgs } from "node:util";
import { held, table } from "./report.ts";
import { SCENARIOS } from "./scenarios/index.ts";
import type { Result, RunSettings, Scenario } from "./trial.ts";

const HELP = `Kills, stops and cuts off every part of Madang under load, then checks what was promised.
Real processes on loopback; exit code 1 when anything was lost, doubled or out of order.

  npm run chaos -- [options]

  --scenario a,b   only these (default: all)
  --kills n        faults of each kind (default 5)
  --minutes n      how long the long faults last, such as mongod away (default 1)
  --seed n         replays the schedule of faults and the texts (default: by the clock)
  --brief          short stops and small storms
  --json           results as JSON lines on standard output
  --help

Scenarios:
${SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(18)} ${summary}`).join("\n")}
`;

const values = readArguments();

if (values.help) {
  console.log(HELP);
} else {
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const startedAt = performance.now();
  const settings: RunSettings = {
    seed,
    kills: Number(values.kills),
    minutes: Number(values.minutes),
    brief: values.brief,
    say: (line) => console.error(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(7)} s  ${line}`),
  };
  if (![seed, settings.kills, settings.minutes].every((value) => value > 0)) fail("Numbers must be above 0.");
  settings.say(`seed ${seed}`);
  const results: Result[] = [];
  for (const scenario of chosen(values.scenario)) {
    const result = await scenario.run(settings);
    results.push(result);
    if (values.json) console.log(JSON.stringify(result));
    for (const problem of result.problems) settings.say(`${scenario.name}: ${problem}`);
    settings.say(`${scenario.name}: ${held(result) ? "held" : "DID NOT HOLD"}`);
  }
  if (!values.json) console.log(table(results));
  process.exitCode = results.every(held) ? 0 : 1;
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        scenario: { type: "string" },
        kills: { type: "string", default: "5" },
        minutes: { type: "string", default: "1" },
        seed: { type: "string" },
        brief: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    return fail(`${(error as Error).message}\nSee --help.`);
  }
}

function chosen(names: string | undefined): readonly Scenario[] {
  if (names === undefined) return SCENARIOS;
  return names.split(",").map((name) => {
    const scenario = SCENARIOS.find((each) => each.name === name);
    return scenario ?? fail(`There is no scenario "${name}": see --help.`);
  });
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
