/** Scenarios of scale: the same figures while one size grows. */
import { measureLoad, planFor, type Shape, withLoad } from "../measure.ts";
import type { Measurement } from "../metrics.ts";
import type { StartOptions } from "../peers/peer.ts";
import { readRooms } from "./history.ts";
import type { Scenario } from "./scenario.ts";

interface Step {
  readonly step: number;
  readonly shape: Partial<Shape>;
  readonly start?: StartOptions;
}

function growing(scenario: Pick<Scenario, "name" | "title" | "step">, steps: readonly Step[]): Scenario {
  return {
    ...scenario,
    main: "cpuUs",
    only: ["madang"],
    async run(peer, context) {
      const measurements: Measurement[] = [];
      for (const { step, shape, start } of steps) {
        context.say(`  ${step} ${scenario.step}`);
        const system = await peer.start(start);
        try {
          const measured = await withLoad(planFor(peer, system, shape), (load) => measureLoad(load, system, context));
          measurements.push({ scenario: scenario.name, peer: peer.name, step, ...measured });
        } finally {
          await system.stop();
        }
      }
      return measurements;
    },
  };
}

/** Each step of rooms and of edges has the same number of deliveries, spread differently. */
const RATE = 500;
const MEMBERS_OF_MANY_ROOMS = 5;
/** Above this number of rooms the same 1,000 connections join several rooms each. */
const MOST_GROUPS = 200;

const members = growing(
  { name: "members", title: "Members of one room, 1 publisher, window 4", step: "members" },
  [10, 50, 100, 500, 1000, 2000, 5000].map((step) => ({ step, shape: { members: step } })),
);

const rooms = growing(
  {
    name: "rooms",
    title: `Rooms of ${MEMBERS_OF_MANY_ROOMS} members, ${RATE} messages/s overall; above ${MOST_GROUPS} rooms 1,000 connections are in several rooms each`,
    step: "rooms",
  },
  [1, 10, 200, 1000, 5000, 20_000].map((step) => ({
    step,
    shape: {
      groups: Math.min(step, MOST_GROUPS),
      roomsPerGroup: Math.max(1, step / MOST_GROUPS),
      members: MEMBERS_OF_MANY_ROOMS,
      rate: RATE,
    },
  })),
);

const edges = growing(
  { name: "edges", title: `20 rooms × 48 members over several edges, ${RATE} messages/s overall`, step: "edges" },
  [1, 2, 3, 4].map((step) => ({ step, start: { edges: step }, shape: { groups: 20, members: 48, rate: RATE } })),
);

const pages: Scenario = {
  name: "pages",
  title: "Latest 50 messages of rooms with growing history",
  step: "messages in the room",
  main: "p50Ms",
  only: ["madang"],
  async run(peer) {
    const sizes = [1000, 10_000, 100_000, 1_000_000];
    const figures = await readRooms(peer, sizes);
    return figures.map(({ p50Ms, pagesPerS }, i) => ({
      scenario: "pages",
      peer: peer.name,
      step: sizes[i]!,
      metrics: { p50Ms, pagesPerS },
    }));
  },
};

export const SCALES: readonly Scenario[] = [members, rooms, edges, pages];
