/** `npm run attack`. */
import { exitOnSignal } from "@madang/local-stack";
import { HELP_OPTION, namedOption, numberOption, readArguments, run } from "@madang/runtime";
import { losses, table } from "./report.ts";
import { type Result, type RunSettings, runScenario } from "./run.ts";
import { SCENARIOS } from "./scenarios.ts";

const MAX_SECONDS = 120;
const MAX_ROUNDS = 20;
const HELP = `Attacks a whole Madang on loopback while 50 honest members chat in 10 rooms, and measures what they notice.

  npm run attack -- [options]

  --scenario a,b   only these (default: all)
  --seconds n      of calm, of a busy machine, and of each attack (default 12; time-outs take 10 s to be seen)
  --rounds n       times that all of it is done: of each attack the run in the middle is shown, and by how much all were slower
                   (default 1; a single run says little where others use the machine)
  --scale n        share of the scenarios' counts (default 1)
  --json           results as JSON lines on standard output, not as a Markdown table
  --help

Exit codes: 0 nothing was lost, 1 something was (a timing never fails it), 2 wrong command line, 130 stopped by Ctrl-C.
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
