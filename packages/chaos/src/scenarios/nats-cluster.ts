import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "@madang/local-stack";
import { STREAM } from "../stored.ts";
import { type Scenario, type Trial, trial } from "../trial.ts";

/** Each has a copy of the log, as in production; two are enough. */
const WORLD = { natsServers: 3 };
const MAX_DOWN_MS = 2000;
const MAX_PAUSE_MS = 3000;
const STOP_MS = 20_000;
/** The others wait for 4 to 9 s before they choose another. */
const BRIEF_STOP_MS = 12_000;
const MAX_STOPS = 3;
const BETWEEN_STOPS_MS = 5000;

/** In turn the server that leads the log and any. The next is killed whether or not the one before has caught up. */
export const killNatsServer: Scenario = {
  name: "kill-nats-server",
  summary: "kill -9 of one of three NATS servers, under load",
  run: (settings) =>
    trial("kill-nats-server", settings, { world: WORLD }, async (trial) => {
      const { world, random } = trial;
      for (let i = 0; i < settings.kills; i++) {
        await delay(random.between(500, MAX_PAUSE_MS));
        const leader = i % 2 === 0 ? await leaderOf(trial) : undefined;
        const child = leader ?? random.pick(world.natsServers);
        trial.fault(`kill -9 of ${child.name}${leader ? ", which leads the log" : ""}`);
        await world.kill(child, random.between(0, MAX_DOWN_MS));
      }
      await delay(MAX_PAUSE_MS);
    }),
};

/** What was sent to it waits in its sockets and comes too late: somebody else leads the log by then. */
export const stopNatsServer: Scenario = {
  name: "stop-nats-server",
  summary: "SIGSTOP for 20 s of the one of three NATS servers that leads the log, under load",
  run: (settings) =>
    trial("stop-nats-server", settings, { world: WORLD }, async (trial) => {
      const { world, random } = trial;
      const stops = settings.brief ? 1 : Math.min(settings.kills, MAX_STOPS);
      for (let i = 0; i < stops; i++) {
        await delay(random.between(500, BETWEEN_STOPS_MS));
        const child = (await leaderOf(trial)) ?? random.pick(world.natsServers);
        trial.fault(`SIGSTOP of ${child.name}`);
        await world.pause(child, settings.brief ? BRIEF_STOP_MS : STOP_MS);
      }
      await delay(BETWEEN_STOPS_MS);
    }),
};

/** `undefined` while none is chosen. */
async function leaderOf({ world, jsm }: Trial): Promise<Child | undefined> {
  const name = await jsm.streams.info(STREAM).then(
    (info) => info.cluster?.leader,
    () => undefined,
  );
  return world.natsServers.find((server) => server.name === name);
}
