import { setTimeout as delay } from "node:timers/promises";
import { type Scenario, trial } from "../trial.ts";

export const drain: Scenario = {
  name: "drain",
  summary: "repeated SIGTERM of an edge under load: its clients move to the other edges",
  run: (settings) =>
    trial("drain", settings, {}, async ({ world, random, fault, violation }) => {
      for (let i = 0; i < settings.kills; i++) {
        const edge = random.pick(world.edges);
        await delay(random.between(500, 2000));
        fault(`SIGTERM of ${edge.name}`);
        const { code, signal } = await world.drain(edge);
        if (code !== 0) violation(`${edge.name} ended with ${signal ?? code}`);
      }
      await delay(2000);
    }),
};
