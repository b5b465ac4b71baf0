/** Many rooms that are opened at once. */

import { setTimeout as delay } from "node:timers/promises";
import { full, natsFor } from "@madang/test-kit";
import t from "tap";
import { edgeFor } from "./support.ts";

/** Below ROOMS_PER_CONNECTION. */
const MANY = 120;
const OUTAGE_MS = 4000;

const named = (start: string) => Array.from({ length: MANY }, (_, i) => `${start} ${i}`);

t.test("opening rooms", async (t) => {
  const nats = await natsFor(t);
  const edge = await edgeFor(t, nats, { JOIN_LIMIT: "off" });

  await t.test("a client that joins one room does not wait behind the many rooms of another client", async (t) => {
    const [greedy, modest] = [await full(t, edge, "greedy", []), await full(t, edge, "modest", [])];
    for (const room of named("many")) greedy.join(room);
    await greedy.next("joined");
    modest.join("one");
    await modest.next("joined");
    t.ok(greedy.of("joined").length < MANY / 2, `after ${greedy.of("joined").length}`);
    await greedy.next("joined", { room: `many ${MANY - 1}` });
  });

  await t.test("not even for the last of those rooms", async (t) => {
    const [greedy, modest] = [await full(t, edge, "greedy", []), await full(t, edge, "modest", [])];
    for (const room of named("more")) greedy.join(room);
    await greedy.next("joined");
    modest.join(`more ${MANY - 1}`);
    await modest.next("joined");
    t.ok(greedy.of("joined").length < MANY / 2, `after ${greedy.of("joined").length}`);
    await greedy.next("joined", { room: `more ${MANY - 2}` });
    t.equal(new Set(greedy.of("joined").map(({ room }) => room)).size, MANY);
  });

  await t.test("rooms open soon after an outage of the log", async (t) => {
    const client = await full(t, edge, "patient", []);
    await nats.kill("SIGKILL");
    for (const room of named("outage")) client.join(room);
    await delay(OUTAGE_MS);
    t.equal(client.of("joined").length, 0);
    await nats.restart();
    await client.next("joined");
    // Another pause as long as the outage would be too late.
    await client.next("joined", { room: `outage ${MANY - 1}` }, OUTAGE_MS);
  });

  await t.test("a client joins a room that others left before it was opened", async (t) => {
    const fickle = await full(t, edge, "fickle", []);
    const rooms = named("left");
    for (const room of rooms) for (const type of ["join", "leave"]) fickle.send({ type, room });
    fickle.join("stays");
    await fickle.next("joined", { room: "stays" });
    for (const room of rooms) fickle.join(room);
    for (const room of rooms) await fickle.next("caughtUp", { room });
    await fickle.say(rooms.at(-1)!, "here");
  });
});
