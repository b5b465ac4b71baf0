import { fillLog } from "../fill-log.ts";
import { planFor, withLoad } from "../measure.ts";
import { usageOf } from "../proc.ts";
import type { Scenario } from "./scenario.ts";

const MEMBERS = 20;
const MISSED = 200;
const ROOMS = 100;
const QUICK_ROOMS = 50;

/** All clients of a lost edge reconnect at the same time, and each has missed messages. */
export const replay: Scenario = {
  name: "replay",
  title: "2,000 clients in 100 rooms resume at once; each missed 200 messages (1,000 in 50 with --quick)",
  main: "cpuUs",
  // Centrifugo's NATS broker has no history. Socket.IO's Redis adapter and the tutorial cannot resume.
  only: ["madang"],
  async run(peer, { quick }) {
    const groups = quick ? QUICK_ROOMS : ROOMS;
    const system = await peer.start();
    try {
      const nats = system.processes.find(({ name }) => name === "nats-server")!;
      const rooms = Array.from({ length: groups }, (_, i) => `bench${i}`);
      const epoch = await fillLog(nats.url, rooms, MISSED);
      const pids = system.processes.map(({ pid }) => pid);
      const before = usageOf(pids);
      const beganMs = performance.now();
      const shape = { groups, members: MEMBERS, after: `${epoch}.0`, dialing: groups * MEMBERS };
      const measured = await withLoad(planFor(peer, system, shape), async (load) => {
        const elapsedS = (performance.now() - beganMs) / 1000;
        const after = usageOf(pids);
        const delivered = load.count("delivered");
        const cpuBy = after.map(({ cpuS }, i) => ((cpuS - before[i]!.cpuS) * 1e6) / delivered);
        const opening = load.opening();
        const metrics = {
          deliveriesPerS: delivered / elapsedS,
          cpuUs: cpuBy.reduce((sum, us) => sum + us, 0),
          p50Ms: opening.quantileMs(0.5),
          p99Ms: opening.quantileMs(0.99),
          maxMs: opening.maxMs,
          lost: groups * MEMBERS * MISSED - delivered,
          twice: load.count("twice"),
          errors: load.count("errors"),
        };
        return { metrics, cpuBy: Object.fromEntries(system.processes.map(({ name }, i) => [name, cpuBy[i]!])) };
      });
      return [{ scenario: "replay", peer: peer.name, ...measured }];
    } finally {
      await system.stop();
    }
  },
};
