import { setTimeout as delay } from "node:timers/promises";
import { within } from "../crowd.ts";
import { type Scenario, trial } from "../trial.ts";

/** The edge gives up at its third ping interval of 5 s, after two unanswered pings. */
const DETECTION_LIMIT_MS = 15_000;
const PATIENCE_MS = 40_000;
const MAX_ROUNDS = 3;

export const natsPartition: Scenario = {
  name: "nats-partition",
  summary: "the link of one edge to NATS drops all bytes without closing, until the edge detects it",
  run: (settings) =>
    trial(
      "nats-partition",
      settings,
      { world: { proxied: true } },
      async ({ world, random, fault, note, violation }) => {
        const edge = world.edges[0]!;
        let slowestMs = 0;
        for (let i = 0; i < (settings.brief ? 1 : Math.min(settings.kills, MAX_ROUNDS)); i++) {
          await delay(random.between(500, 4000));
          fault(`the link of ${edge.name} to NATS drops all bytes`);
          world.proxy!.cut({ towardsServer: true, towardsClient: true });
          const startedAt = performance.now();
          const detected = await within(PATIENCE_MS, async () => (await fetch(`${edge.url}/readyz`)).status === 503);
          slowestMs = Math.max(slowestMs, performance.now() - startedAt);
          if (!detected) violation(`${edge.name} did not detect it within ${PATIENCE_MS / 1000} s`);
          await delay(random.between(0, 3000));
          world.proxy!.cut({});
          // The proxy drops the bytes in transit and forwards new connections.
          world.proxy!.closeAll();
          if (!(await within(PATIENCE_MS, async () => (await fetch(`${edge.url}/readyz`)).ok))) {
            violation(`${edge.name} did not become ready again`);
          }
        }
        note(`detected after ${(slowestMs / 1000).toFixed(1)} s at most`);
        if (!settings.brief && slowestMs > DETECTION_LIMIT_MS + 500) violation("detection took more than 15 s");
        await delay(3000);
      },
    ),
};
