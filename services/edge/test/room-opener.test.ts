/** Many rooms at once: who opens them, and for whom. */
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { edgeFor, full, natsFor, said } from "./support.ts";

/** Below ROOMS_PER_CONNECTION. */
const MANY = 120;
const OUTAGE_MS = 4000;

const named = (start: string) => Array.from({ length: MANY }, (_, i) => ({ room: `${start} ${i}` }));

t.test("opening rooms", async (t) => {
  const nats = await natsFor(t);
  const edge = await edgeFor(t, nats, { JOIN_LIMIT: "off" });

  await t.test("who asks for one does not wait behind all that somebody else asks for", async (t) => {
    const [greedy, modest] = [await full(t, edge, "greedy", []), await full(t, edge, "modest", [])];
    for (const { room } of named("many")) greedy.send({ type: "join", room });
    await greedy.next("joined");
    modest.send({ type: "join", room: "one" });
    await modest.next("joined");
    t.ok(greedy.of("joined").length < MANY / 2, `after ${greedy.of("joined").length}`);
    await greedy.next("joined", ({ room }) => room === `many ${MANY - 1}`);
  });

  await t.test("not even for a room that is the last of them", async (t) => {
    const [greedy, modest] = [await full(t, edge, "greedy", []), await full(t, edge, "modest", [])];
    for (const { room } of named("more")) greedy.send({ type: "join", room });
    await greedy.next("joined");
    modest.send({ type: "join", room: `more ${MANY - 1}` });
    await modest.next("joined");
    t.ok(greedy.of("joined").length < MANY / 2, `after ${greedy.of("joined").length}`);
    await greedy.next("joined", ({ room }) => room === `more ${MANY - 2}`);
    t.equal(new Set(greedy.of("joined").map(({ room }) => room)).size, MANY);
  });

  await t.test("after an outage of the log they wait no longer than before", async (t) => {
    const client = await full(t, edge, "patient", []);
    await nats.kill("SIGKILL");
    for (const { room } of named("outage")) client.send({ type: "join", room });
    await delay(OUTAGE_MS);
    t.equal(client.of("joined").length, 0);
    await nats.restart();
    await client.next("joined");
    // One more rest as long as the outage would be too late.
    await client.next("joined", ({ room }) => room === `outage ${MANY - 1}`, OUTAGE_MS);
  });

  await t.test("whoever comes to a room that all had left before its turn is let in", async (t) => {
    const fickle = await full(t, edge, "fickle", []);
    const rooms = named("left");
    for (const { room } of rooms) for (const type of ["join", "leave"]) fickle.send({ type, room });
    fickle.send({ type: "join", room: "stays" });
    await fickle.next("joined", ({ room }) => room === "stays");
    for (const { room } of rooms) fickle.send({ type: "join", room });
    for (const { room } of rooms) await fickle.next("caughtUp", (frame) => frame.room === room);
    await said(fickle, rooms.at(-1)!.room, "here");
  });
});
