/** `npm run fuzz -- --frames 1000000 --seed 1`. */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { fuzz } from "./fuzz.ts";
import { System } from "./system.ts";

const REPORT_INTERVAL_MS = 10_000;

const HELP = `npm run fuzz -- [--frames 100000] [--seed <number>]
The same seed gives the same input. Exit code 1 when anything was wrong.`;

function fail(message: string): never {
  console.error(`${message}\n${HELP}`);
  process.exit(2);
}

function options() {
  const string = { type: "string" } as const;
  try {
    return parseArgs({ options: { frames: string, seed: string, help: { type: "boolean", short: "h" } } }).values;
  } catch (error) {
    return fail((error as Error).message);
  }
}

function number(name: string, text: string | undefined, byDefault: number): number {
  const value = text === undefined ? byDefault : Number(text);
  return Number.isSafeInteger(value) && value > 0 ? value : fail(`--${name} takes a whole number above 0.`);
}

const values = options();
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const frames = number("frames", values.frames, 100_000);
const seed = number("seed", values.seed, randomInt(1, 2 ** 30));

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
  process.exitCode = report.wrong.length === 0 ? 0 : 1;
} finally {
  await system.stop();
}
