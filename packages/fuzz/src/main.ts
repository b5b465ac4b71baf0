/** `npm run fuzz`. */
import { randomInt } from "node:crypto";
import { exitOnSignal } from "@madang/local-stack";
import { HELP_OPTION, numberOption, readArguments, run } from "@madang/runtime";
import { fuzz } from "./fuzz.ts";
import { System } from "./system.ts";

const REPORT_INTERVAL_MS = 10_000;
/** Each round adds to the seed. */
const SEED_MAX = 2 ** 30;

const HELP = `Fuzzes a complete local Madang with text frames, raw bytes, handshakes and HTTP requests.

  npm run fuzz -- [options]

  --frames n   number of frames (default 100000)
  --seed n     repeats the input of an earlier run (default: random)
  --help

Exit codes: 0 no fault found, 1 faults found, 2 wrong command line, 130 stopped by Ctrl-C.
`;

await run(async () => {
  const string = { type: "string" } as const;
  const { values } = readArguments({ options: { frames: string, seed: string, help: HELP_OPTION } });
  if (values.help) return console.log(HELP);
  const frames = numberOption("frames", values.frames, { byDefault: 100_000, min: 1, max: 1e12, whole: true });
  const seed = numberOption("seed", values.seed, {
    byDefault: randomInt(1, SEED_MAX),
    min: 1,
    max: SEED_MAX,
    whole: true,
  });
  exitOnSignal();
  const system = await System.start();
  let nextReport = 0;
  try {
    console.log(`seed ${seed}`);
    const report = await fuzz(system, seed, (soFar) => {
      if (performance.now() > nextReport) {
        nextReport = performance.now() + REPORT_INTERVAL_MS;
        console.log(`${soFar.frames} frames, ${soFar.handshakes} handshakes, ${soFar.requests} requests`);
      }
      return soFar.frames >= frames;
    });
    console.log(JSON.stringify(report, undefined, 2));
    process.exitCode = report.faults.length === 0 ? 0 : 1;
  } finally {
    await system.stop();
  }
});
