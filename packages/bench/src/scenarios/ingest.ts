import { setTimeout as delay } from "node:timers/promises";
import { startMongod, startNats, until } from "@madang/local-stack";
import { MongoClient } from "mongodb";
import { fillLog } from "../fill-log.ts";
import { startUnlimited } from "../peers/madang.ts";
import { Processes } from "../peers/peer.ts";
import { usageOf } from "../proc.ts";
import type { Scenario } from "./scenario.ts";

const ROOMS = 100;
const MESSAGES = 200_000;
const QUICK_MESSAGES = 50_000;
/** The share that is not measured, while the code compiles and the connection opens. */
const WARM_UP = 0.2;
const POLL_INTERVAL_MS = 20;
const LIMIT_MS = 120_000;

/** A full log, as after an hour without MongoDB: the rate at which one persistence process stores it. */
export const ingest: Scenario = {
  name: "ingest",
  title: "200,000 unstored messages in the log, one persistence process (50,000 with --quick)",
  main: "messagesPerS",
  only: ["madang"],
  async run(peer, { quick, say }) {
    const messages = quick ? QUICK_MESSAGES : MESSAGES;
    const processes = new Processes();
    try {
      const nats = await processes.add(startNats());
      const mongod = await processes.add(startMongod());
      const rooms = Array.from({ length: ROOMS }, (_, i) => `bench${i}`);
      await fillLog(nats.url, rooms, messages / ROOMS);
      say(`  ${messages} messages are in the log`);

      const client = await MongoClient.connect(mongod.url);
      const stored = () => client.db().collection("messages").estimatedDocumentCount();
      const limit = AbortSignal.timeout(LIMIT_MS);
      const atLeast = (count: number) => until(limit, async () => (await stored()) >= count);
      await processes.add(startUnlimited("persistence", 1, { NATS_URL: nats.url, MONGODB_URL: mongod.url }));
      const pids = processes.started.map(({ pid }) => pid);
      const sample = async () => ({ usage: usageOf(pids), stored: await stored(), atMs: performance.now() });
      await atLeast(messages * WARM_UP);
      const before = await sample();
      while ((await stored()) < messages) await delay(POLL_INTERVAL_MS, undefined, { signal: limit });
      const after = await sample();
      await client.close();

      const count = after.stored - before.stored;
      const cpuUs = after.usage.map(({ cpuS }, i) => ((cpuS - before.usage[i]!.cpuS) * 1e6) / count);
      const metrics = {
        messagesPerS: (count * 1000) / (after.atMs - before.atMs),
        messageUs: cpuUs.reduce((sum, us) => sum + us, 0),
        rssMb: after.usage.reduce((sum, { rssBytes }) => sum + rssBytes, 0) / 1e6,
      };
      const cpuBy = Object.fromEntries(processes.started.map(({ name }, i) => [name, cpuUs[i]!]));
      return [{ scenario: "ingest", peer: peer.name, metrics, cpuBy }];
    } finally {
      await processes.stop();
    }
  },
};
