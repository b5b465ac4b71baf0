/** The real system under a small load. The test checks that no message is lost, and no timing. */
import t from "tap";
import { measureLoad, planFor, withLoad } from "../src/measure.ts";
import { madang, madangPlain } from "../src/peers/madang.ts";
import { relay } from "../src/peers/relay.ts";

for (const [peer, shape] of [
  [madang, { groups: 3, members: 5, publishers: 2, window: 2 }],
  [madang, { groups: 2, roomsPerGroup: 4, members: 3, rate: 100 }],
  [madangPlain, { members: 10 }],
] as const) {
  t.test(`${peer.title}, ${JSON.stringify(shape)}`, async (t) => {
    const system = await peer.start();
    t.teardown(() => system.stop());
    const { metrics, cpuBy } = await withLoad(planFor(peer, system, shape), async (load) => {
      const measured = await measureLoad(load, system, { warmUpS: 0.2, seconds: 0.5 });
      t.equal(await system.stored!(), load.count("published"), "every message is in MongoDB");
      t.equal(load.count("delivered"), load.count("published") * shape.members, "and reached every member");
      return measured;
    });
    t.match(metrics, { lost: 0, twice: 0, disordered: 0, errors: 0 });
    t.ok(metrics.deliveriesPerS! > 0 && metrics.rssMb! > 0 && metrics.cpuUs! > 0);
    t.same(
      Object.keys(cpuBy!),
      ["nats-server", "mongod", "persistence-1", "edge-1"],
      "all server processes are counted",
    );
  });
}

t.test(relay.title, async (t) => {
  const system = await relay.start();
  t.teardown(() => system.stop());
  await withLoad(planFor(relay, system, { groups: 3, members: 5, publishers: 2, window: 2 }), async (load) => {
    const { metrics } = await measureLoad(load, system, { warmUpS: 0.2, seconds: 0.5 });
    t.match(metrics, { lost: 0, twice: 0, errors: 0 });
    t.equal(load.count("delivered"), load.count("published") * 5);
  });
});
