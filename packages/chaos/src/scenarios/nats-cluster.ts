import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "@madang/local-stack";
import { STREAM } from "../stored.ts";
import { type Scenario, type Trial, trial } from "../trial.ts";

/** As in production, each server has a copy of the log, and two servers are a quorum. */
const WORLD = { natsServers: 3 };
const MAX_DOWN_MS = 2000;
const MAX_PAUSE_MS = 3000;
const STOP_MS = 20_000;
/** The other servers elect a leader after 4 to 9 s. */
const BRIEF_STOP_MS = 12_000;
const MAX_STOPS = 3;
const BETWEEN_STOPS_MS = 5000;

/** Kills the leader of the log and a random server in turn, whether or not the last one has caught up. */
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
        trial.fault(`kill -9 of ${child.name}${leader ? ", the leader of the log" : ""}`);
        await world.kill(child, random.between(0, MAX_DOWN_MS));
      }
      await delay(MAX_PAUSE_MS);
    }),
};

/** The halted leader processes its waiting input too late: another server leads the log by then. */
export const stopNatsServer: Scenario = {
  name: "stop-nats-server",
  summary: "SIGSTOP for 20 s of the leader of three NATS servers, under load",
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

/** @returns undefined during an election */
async function leaderOf({ world, jsm }: Trial): Promise<Child | undefined> {
  const name = await jsm.streams.info(STREAM).then(
    (info) => info.cluster?.leader,
    () => undefined,
  );
  return world.natsServers.find((server) => server.name === name);
}
