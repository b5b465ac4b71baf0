import type { Test } from "tap";
import { held } from "../src/report.ts";
import { SCENARIOS } from "../src/scenarios/index.ts";

/** The seed of all tests. `npm run chaos -- --seed 1 --brief` repeats a failed run. */
const SEED = 1;

/** Runs a scenario in its short form and checks the guarantees, but no timing. */
export async function holds(t: Test, name: string, kills: number): Promise<void> {
  const scenario = SCENARIOS.find((each) => each.name === name)!;
  const lines: string[] = [];
  const settings = {
    seed: SEED,
    kills,
    minutes: 0.1,
    natsServers: 1,
    brief: true,
    say: (line: string) => void lines.push(line),
  };
  const result = await scenario.run(settings);
  t.same(result.problems, [], `${name}: no message is lost, doubled or out of order`);
  t.ok(result.acknowledged > 0 && result.faults > 0, "messages were sent during faults");
  if (!held(result)) t.comment(lines.join("\n"));
}
