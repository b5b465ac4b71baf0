/** `npm run attack`. */
import { exitOnSignal } from "@madang/local-stack";
import { HELP_OPTION, namedOption, numberOption, readArguments, run } from "@madang/runtime";
import { losses, table } from "./report.ts";
import { type Result, type RunSettings, runScenario } from "./run.ts";
import { SCENARIOS } from "./scenarios.ts";

const MAX_SECONDS = 120;
const MAX_ROUNDS = 20;
const HELP = `Attacks a complete local Madang while 50 honest members chat in 10 rooms, and measures the effect on them.

  npm run attack -- [options]

  --scenario a,b   scenarios to run (default: all)
  --seconds n      length of each phase: calm, busy machine, attack (default 12; time limits take 10 s to show)
  --rounds n       number of runs; the table shows the median run and the slowdown of all runs (default 1)
  --scale n        share of the scenarios' counts, from 0.001 to 1 (default 1)
  --json           writes the results as JSON lines, not as a Markdown table, to standard output
  --help

Exit codes: 0 honest members lost no message, 1 they did, 2 wrong command line, 130 stopped by Ctrl-C. No timing fails a run.
Each attack is compared with a busy loop that takes most of a core and sends nothing. The difference is the server's work,
not the lack of a core. The attacker opens up to 10,000 sockets: \`ulimit -n\` should be 12000 or more.

Scenarios:
${SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(20)} ${summary}`).join("\n")}
`;

await run(async () => {
  const string = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = readArguments({
    options: { scenario: string, seconds: string, rounds: string, scale: string, json: flag, help: HELP_OPTION },
  });
  if (values.help) return console.log(HELP);
  const scenarios = namedOption("scenario", values.scenario, SCENARIOS);
  const settings: RunSettings = {
    seconds: numberOption("seconds", values.seconds, { byDefault: 12, min: 1, max: MAX_SECONDS }),
    scale: numberOption("scale", values.scale, { byDefault: 1, min: 0.001, max: 1 }),
    warmUpS: 3,
    recoveryS: 4,
  };
  const rounds = numberOption("rounds", values.rounds, { byDefault: 1, min: 1, max: MAX_ROUNDS, whole: true });
  exitOnSignal();
  const attacks = scenarios.map((scenario) => ({ scenario, runs: [] as Result[] }));
  for (let round = 1; round <= rounds; round++) {
    for (const { scenario, runs } of attacks) {
      console.error(`${scenario.name}${rounds > 1 ? ` (${round} of ${rounds})` : ""} …`);
      const result = await runScenario(scenario, settings);
      runs.push(result);
      if (values.json) console.log(JSON.stringify(result));
      for (const loss of losses(result)) console.error(`${scenario.name}: ${loss}`);
    }
  }
  if (!values.json) console.log(table(attacks.map(({ runs }) => runs)));
  process.exitCode = attacks.every(({ runs }) => runs.every((run) => losses(run).length === 0)) ? 0 : 1;
});
