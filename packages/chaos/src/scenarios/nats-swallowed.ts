import { setTimeout as delay } from "node:timers/promises";
import { within } from "../crowd.ts";
import { type Scenario, trial } from "../trial.ts";

/** Two pings of 5 s without an answer, the second at the end of a third interval. */
const DETECTION_LIMIT_MS = 15_000;
const PATIENCE_MS = 40_000;
const MAX_ROUNDS = 3;

export const natsSwallowed: Scenario = {
  name: "nats-swallowed",
  summary: "the link of one edge to NATS swallows all bytes, without closing, until the edge has noticed",
  run: (settings) =>
    trial(
      "nats-swallowed",
      settings,
      { world: { proxied: true } },
      async ({ world, random, fault, note, violation }) => {
        const edge = world.edges[0]!;
        let slowestMs = 0;
        for (let i = 0; i < (settings.brief ? 1 : Math.min(settings.kills, MAX_ROUNDS)); i++) {
          await delay(random.between(500, 4000));
          fault(`the link of ${edge.name} to NATS swallows everything`);
          world.proxy!.cut({ towardsServer: true, towardsClient: true });
          const startedAt = performance.now();
          const noticed = await within(PATIENCE_MS, async () => (await fetch(`${edge.url}/readyz`)).status === 503);
          slowestMs = Math.max(slowestMs, performance.now() - startedAt);
          if (!noticed) violation(`${edge.name} did not notice within ${PATIENCE_MS / 1000} s`);
          await delay(random.between(0, 3000));
          world.proxy!.cut({});
          // What hangs in the swallowing link is dropped by it; new connections get through.
          world.proxy!.closeAll();
          if (!(await within(PATIENCE_MS, async () => (await fetch(`${edge.url}/readyz`)).ok))) {
            violation(`${edge.name} did not come back`);
          }
        }
        note(`noticed after ${(slowestMs / 1000).toFixed(1)} s at most`);
        if (!settings.brief && slowestMs > DETECTION_LIMIT_MS + 500) violation("that is more than 15 s");
        await delay(3000);
      },
    ),
};
