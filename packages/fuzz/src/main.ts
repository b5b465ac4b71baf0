/** `npm run fuzz -- --frames 1000000 --seed 1`. Exit code 1 when anything was wrong. */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { fuzz } from "./fuzz.ts";
import { System } from "./system.ts";

const REPORT_INTERVAL_MS = 10_000;

const { values } = parseArgs({
  options: { frames: { type: "string", default: "100000" }, seed: { type: "string" }, help: { type: "boolean" } },
});
const frames = Number(values.frames);
const seed = values.seed === undefined ? randomInt(2 ** 30) : Number(values.seed);
if (values.help || !Number.isSafeInteger(frames) || !Number.isSafeInteger(seed)) {
  console.log("npm run fuzz -- [--frames 100000] [--seed <number>]\nThe same seed gives the same input.");
  process.exit(values.help ? 0 : 1);
}

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
