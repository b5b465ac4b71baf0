import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "@madang/local-stack";
import { type Scenario, type Trial, trial } from "../trial.ts";
import { PARTS, type Part } from "../world.ts";

const MAX_DOWN_MS = 2000;
const MAX_PAUSE_MS = 3000;

/** Repeated SIGKILL of one part, one process at a time. */
export function killOf(part: Part): Scenario {
  return {
    name: `kill-${part}`,
    summary: `kill -9 of ${part} under load`,
    run: (settings) =>
      trial(`kill-${part}`, settings, {}, async (trial) => {
        for (let i = 0; i < settings.kills; i++) {
          const child = trial.random.pick(trial.world.children(part));
          await delay(trial.random.between(500, MAX_PAUSE_MS));
          trial.fault(`kill -9 of ${child.name}`);
          await trial.world.kill(child, trial.random.between(0, MAX_DOWN_MS));
        }
        await delay(MAX_PAUSE_MS);
      }),
  };
}

/** SIGKILL of any process, while others may still be down. */
export const killAny: Scenario = {
  name: "kill-any",
  summary: "kill -9 of random parts, several down at once, under load",
  run: (settings) => trial("kill-any", settings, {}, (trial) => killAtRandom(trial)),
};

async function killAtRandom({ world, random, settings, fault }: Trial): Promise<void> {
  const coming = new Map<Child, Promise<void>>();
  for (let i = 0; i < settings.kills; i++) {
    await delay(random.between(200, MAX_PAUSE_MS));
    const child = random.pick(world.children(random.pick(PARTS)));
    // A process that is starting is not killed.
    await coming.get(child);
    fault(`kill -9 of ${child.name}`);
    const back = world.kill(child, random.between(0, MAX_DOWN_MS));
    back.catch(() => {});
    coming.set(child, back);
  }
  await Promise.all(coming.values());
  await delay(MAX_PAUSE_MS);
}
