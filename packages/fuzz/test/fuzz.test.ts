import { randomInt } from "node:crypto";
import t from "tap";
import { fuzz } from "../src/fuzz.ts";
import { System } from "../src/system.ts";

const DURATION_MS = 60_000;

t.test("a minute of hostile input does no damage", { timeout: 120_000 }, async (t) => {
  const system = await System.start();
  t.teardown(() => system.stop());
  const seed = Number(process.env["FUZZ_SEED"] ?? randomInt(2 ** 30));
  t.comment(`FUZZ_SEED=${seed}`);
  const end = performance.now() + DURATION_MS;
  const { faults, ...counts } = await fuzz(system, seed, () => performance.now() > end);
  t.comment(JSON.stringify(counts));
  t.ok(counts.frames > 1000 && counts.requests > 10 && counts.handshakes > 10 && counts.answers > 1000);
  t.strictSame(faults, []);
});
