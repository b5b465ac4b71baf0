import { setTimeout as delay } from "node:timers/promises";
import { type Scenario, trial } from "../trial.ts";
import type { Part } from "../world.ts";

const STOP_MS = 20_000;
const BRIEF_STOP_MS = 6000;
const MAX_ROUNDS = 3;
const BETWEEN_MS = 5000;

/** SIGSTOP: the process neither answers nor closes its connections, and later continues where it was. */
export function stopOf(part: Part): Scenario {
  return {
    name: `stop-${part}`,
    summary: `SIGSTOP of ${part} for 20 s, then SIGCONT, under load`,
    run: (settings) =>
      trial(`stop-${part}`, settings, {}, async ({ world, random, fault }) => {
        const rounds = settings.brief ? 1 : Math.min(settings.kills, MAX_ROUNDS);
        for (let i = 0; i < rounds; i++) {
          await delay(random.between(500, BETWEEN_MS));
          const child = random.pick(world.children(part));
          fault(`SIGSTOP of ${child.name}`);
          await world.pause(child, settings.brief ? BRIEF_STOP_MS : STOP_MS);
        }
        await delay(BETWEEN_MS);
      }),
  };
}
