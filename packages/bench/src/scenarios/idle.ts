import { setTimeout as delay } from "node:timers/promises";
import { planFor, withLoad } from "../measure.ts";
import { usageOf } from "../proc.ts";
import type { Scenario } from "./scenario.ts";

const MEMBERS = 100;
const ROOMS = 100;
const QUICK_ROOMS = 30;
/** The tutorial's server refuses connections above a few thousand. */
const TUTORIAL_ROOMS = 10;
const DIALING = 128;
/** Time to collect the garbage of the handshakes and to free buffers. */
const REST_MS = 3000;

/** Many connections in silent rooms: memory, and the rate of connecting. */
export const idle: Scenario = {
  name: "idle",
  title: "10,000 connections in 100 rooms, silent (3,000 with --quick; the tutorial: 1,000)",
  main: "connectionKb",
  async run(peer, { quick }) {
    const groups = peer.name === "tutorial" ? TUTORIAL_ROOMS : quick ? QUICK_ROOMS : ROOMS;
    const connections = groups * MEMBERS;
    const system = await peer.start();
    try {
      const pids = system.processes.map(({ pid }) => pid);
      const total = () => {
        const usage = usageOf(pids);
        const sum = (of: "cpuS" | "rssBytes") => usage.reduce((all, one) => all + one[of], 0);
        return { cpuS: sum("cpuS"), rssBytes: sum("rssBytes"), usage, atMs: performance.now() };
      };
      const before = total();
      const shape = { groups, members: MEMBERS, publishers: 0, dialing: DIALING };
      const measured = await withLoad(planFor(peer, system, shape), async (load) => {
        const opened = total();
        await delay(REST_MS);
        const after = total();
        const opening = load.opening();
        const memoryBy = system.processes.map(({ name }, i) => {
          const gained = after.usage[i]!.rssBytes - before.usage[i]!.rssBytes;
          return [name, gained / 1000 / connections] as const;
        });
        const metrics = {
          connectionKb: (after.rssBytes - before.rssBytes) / 1000 / connections,
          connectsPerS: (connections * 1000) / (opened.atMs - before.atMs),
          connectUs: ((opened.cpuS - before.cpuS) * 1e6) / connections,
          p50Ms: opening.quantileMs(0.5),
          p99Ms: opening.quantileMs(0.99),
          maxMs: opening.maxMs,
          rssMb: after.rssBytes / 1e6,
          errors: load.count("errors"),
        };
        return { metrics, memoryBy: Object.fromEntries(memoryBy) };
      });
      return [{ scenario: "idle", peer: peer.name, ...measured }];
    } finally {
      await system.stop();
    }
  },
};
