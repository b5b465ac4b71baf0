/** `npm run chaos`. */
import { exitOnSignal } from "@madang/local-stack";
import { HELP_OPTION, namedOption, numberOption, readArguments, run } from "@madang/runtime";
import { held, table } from "./report.ts";
import { SCENARIOS } from "./scenarios/index.ts";
import type { Result, RunSettings } from "./trial.ts";

const MAX_WHOLE = 2 ** 31 - 1;
const MAX_MINUTES = 24 * 60;
const HELP = `Kills, stops and disconnects every part of Madang under load, then checks that no acknowledged message is lost, doubled or
out of order. It starts real processes on loopback.

  npm run chaos -- [options]

  --scenario a,b     scenarios to run (default: all)
  --kills n          faults per scenario (default 5)
  --minutes n        length of long faults, such as mongod-down (default 1)
  --seed n           repeats the schedule and the texts of an earlier run (default: from the clock)
  --nats-servers n   NATS servers in a cluster, each with a copy of the log (default 1; kill-nats-server, stop-nats-server: 3)
  --brief            shorter stops and a smaller storm
  --json             writes the results as JSON lines to standard output
  --help

Exit codes: 0 everything held, 1 a message was lost, doubled or out of order, or a scenario failed, 2 wrong command line,
130 stopped by Ctrl-C.

Scenarios:
${SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(18)} ${summary}`).join("\n")}
`;

await run(async () => {
  const string = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const { values } = readArguments({
    options: {
      scenario: string,
      kills: string,
      minutes: string,
      seed: string,
      "nats-servers": string,
      brief: flag,
      json: flag,
      help: HELP_OPTION,
    },
  });
  if (values.help) return console.log(HELP);
  const whole = { min: 1, max: MAX_WHOLE, whole: true };
  const seed = numberOption("seed", values.seed, { ...whole, byDefault: 1 + (Date.now() % 1_000_000) });
  const scenarios = namedOption("scenario", values.scenario, SCENARIOS);
  const startedAt = performance.now();
  const settings: RunSettings = {
    seed,
    kills: numberOption("kills", values.kills, { ...whole, byDefault: 5 }),
    minutes: numberOption("minutes", values.minutes, { byDefault: 1, min: 0.1, max: MAX_MINUTES }),
    natsServers: numberOption("nats-servers", values["nats-servers"], { byDefault: 1, min: 1, max: 5, whole: true }),
    brief: values.brief,
    say: (line) => console.error(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(7)} s  ${line}`),
  };
  exitOnSignal();
  settings.say(`seed ${seed}`);
  const results: Result[] = [];
  for (const scenario of scenarios) {
    const result = await scenario.run(settings);
    results.push(result);
    if (values.json) console.log(JSON.stringify(result));
    for (const problem of result.problems) settings.say(`${scenario.name}: ${problem}`);
    settings.say(`${scenario.name}: ${held(result) ? "held" : "DID NOT HOLD"}`);
  }
  if (!values.json) console.log(table(results));
  process.exitCode = results.every(held) ? 0 : 1;
});
