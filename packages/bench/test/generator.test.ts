import type { AddressInfo } from "node:net";
import t, { type Test } from "tap";
import { type WebSocket, WebSocketServer } from "ws";
import { Generator } from "../src/load/generator.ts";
import { measureLoad, SHAPE } from "../src/measure.ts";
import type { System } from "../src/peers/peer.ts";

type Deliver = (member: WebSocket, index: number, message: Buffer, count: number) => void;

/** A minimal chat with the tutorial's frames that can lose, repeat and reorder messages. */
async function chat(t: Test, deliver: Deliver = (member, _index, message) => member.send(message.toString())) {
  const rooms = new Map<string, WebSocket[]>();
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await new Promise((resolve) => server.once("listening", resolve));
  t.teardown(() => server.close());
  let count = 0;
  server.on("connection", (socket, { url }) => {
    const members = rooms.get(url!) ?? [];
    rooms.set(url!, members);
    members.push(socket);
    socket.on("message", (message) => {
      count++;
      for (const [i, member] of members.entries()) deliver(member, i, message as Buffer, count);
    });
  });
  const system: System = {
    addresses: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
    processes: [],
    stop: async () => {},
  };
  return { system, published: () => count };
}

async function load(t: Test, system: System, shape: Partial<typeof SHAPE>) {
  const generator = new Generator({ ...SHAPE, wire: "plain", addresses: system.addresses, ...shape });
  t.teardown(() => generator.close());
  await generator.open();
  const { metrics } = await measureLoad(generator, system, { warmUpS: 0.2, seconds: 0.5 });
  return { generator, metrics };
}

t.test("closed loop: every published message is counted at every member", async (t) => {
  const { system, published } = await chat(t);
  const { generator, metrics } = await load(t, system, { groups: 3, members: 4, publishers: 2, window: 2 });
  t.equal(generator.count("opened"), 12);
  t.ok(published() > 12, "the loop runs");
  t.equal(generator.count("published"), published());
  t.equal(generator.count("delivered"), published() * 4);
  t.match(metrics, { lost: 0, twice: 0, disordered: 0, errors: 0 });
  t.ok(metrics.p50Ms! > 0 && metrics.p50Ms! <= metrics.p99Ms! && metrics.p99Ms! <= metrics.maxMs!);
});

t.test("an open loop keeps its rate", async (t) => {
  const { system } = await chat(t);
  const { generator, metrics } = await load(t, system, { members: 3, publishers: 2, rate: 200 });
  t.equal(generator.count("delivered"), generator.count("published") * 3);
  t.ok(generator.count("published") <= 200 * 1.5, "not above the rate");
  t.match(metrics, { lost: 0, twice: 0, disordered: 0 });
});

t.test("lost messages are counted", async (t) => {
  // Not for the publisher itself: its loop would end.
  let dropped = 0;
  const { system } = await chat(t, (member, index, message, count) => {
    if (index > 0 && count % 10 === 0) dropped++;
    else member.send(message.toString());
  });
  const { metrics } = await load(t, system, { members: 3 });
  t.ok(dropped > 0);
  t.equal(metrics.lost, dropped);
});

t.test("doubled messages are counted", async (t) => {
  let doubled = 0;
  const { system } = await chat(t, (member, index, message, count) => {
    member.send(message.toString());
    if (index !== 1 || count % 10 !== 0) return;
    doubled++;
    member.send(message.toString());
  });
  const { metrics } = await load(t, system, { members: 3 });
  t.ok(doubled > 0);
  t.equal(metrics.twice, doubled);
});

t.test("members that see different orders are counted", async (t) => {
  let held: Buffer | undefined;
  const { system } = await chat(t, (member, index, message, count) => {
    if (index === 2 && count === 5) {
      held = message;
      return;
    }
    member.send(message.toString());
    if (index === 2 && count === 6) member.send(held!.toString());
  });
  const { metrics } = await load(t, system, { members: 3, publishers: 2 });
  t.equal(metrics.disordered, 1);
});

t.test("a failed connection is reported with the reason", async (t) => {
  const generator = new Generator({ ...SHAPE, wire: "plain", addresses: ["127.0.0.1:1"], members: 2 });
  t.teardown(() => generator.close());
  await t.rejects(generator.open(), /2 of the connections could not be opened: .*ECONNREFUSED/);
});
