import { measureLoad, planFor, type Shape, withLoad } from "../measure.ts";
import type { Scenario } from "./scenario.ts";

/** A closed loop: each publisher sends its next message when an earlier one returns to it. */
function closedLoop(name: string, title: string, shape: Partial<Shape>): Scenario {
  return {
    name,
    title,
    main: "cpuUs",
    async run(peer, context) {
      const rooms = Array.from({ length: shape.groups ?? 1 }, (_, i) => `bench${i}`);
      const system = await peer.start({ rooms });
      try {
        const measured = await withLoad(planFor(peer, system, shape), (load) => measureLoad(load, system, context));
        return [{ scenario: name, peer: peer.name, ...measured }];
      } finally {
        await system.stop();
      }
    },
  };
}

export const CLOSED_LOOPS: readonly Scenario[] = [
  closedLoop("1x100", "1 room × 100 members, 1 publisher, window 4", { members: 100 }),
  closedLoop("1x1000", "1 room × 1,000 members, 4 publishers, window 4", { members: 1000, publishers: 4 }),
  closedLoop("200x5", "200 rooms × 5 members, 1 publisher per room, window 2", { groups: 200, members: 5, window: 2 }),
];
