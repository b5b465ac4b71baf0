import { setTimeout as delay } from "node:timers/promises";
import { openConsumer } from "@madang/broker";
import type { LogEvent } from "@madang/protocol";
import t from "tap";
import { DEFAULT_LOG_SETTINGS } from "../../../packages/broker/src/stream-config.ts";
import { logSubject } from "../../../packages/broker/src/subjects.ts";
import { readPage } from "../src/history/pages.ts";
import { openMongoStore } from "../src/mongo/store.ts";
import { startProjection } from "../src/projection/loop.ts";
import { Floor } from "../src/recovery/floor.ts";
import {
  eventually,
  freshDatabase,
  lookInside,
  message,
  mongod,
  nats,
  openPublisher,
  ROOMS,
  type Scope,
  silent,
} from "./support.ts";

/** All of persistence but its HTTP, as `main` puts it together. */
function instance(t: Scope, natsUrl: string, mongoUrl: string) {
  const failures: string[] = [];
  const onFailure = (what: string, error: Error) => failures.push(`${what}: ${error.message}`);
  const store = openMongoStore(mongoUrl);
  const consumer = openConsumer({ nats: { url: natsUrl, name: "persistence" }, log: DEFAULT_LOG_SETTINGS, onFailure });
  const floor = new Floor(consumer, store);
  const projection = startProjection({ store, consumer, log: silent, onFailure });
  const close = async () => {
    floor.close();
    projection.stop();
    await consumer.close(5000);
    await store.close();
  };
  t.teardown(close);
  return { store, consumer, floor, failures, close };
}

type Publisher = Awaited<ReturnType<typeof openPublisher>>;

const LANES = 50;
const PACE_MS = 20;

/** Publishes at a steady pace over all rooms until told to stop, whatever is killed. */
async function keepPublishing({ publish }: Publisher, until: () => boolean): Promise<void> {
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      for (let i = 0; !until(); i++) {
        const nonce = `${lane}-${i}`;
        await publish(message(ROOMS[lane % ROOMS.length]!, nonce, { nonce }), nonce);
        await delay(PACE_MS);
      }
    }),
  );
}

async function publishMany({ publish }: Publisher, count: number): Promise<void> {
  const all = Array.from({ length: count }, (_, i) => publish(message(ROOMS[i % ROOMS.length]!, `${i}`), `${i}`));
  await Promise.all(all);
}

async function lastSeq({ jsm }: Publisher): Promise<number> {
  let last = 0;
  await eventually("the log answers", async () => {
    last = (await jsm.streams.info("CHAT").catch(() => ({ state: { last_seq: 0 } }))).state.last_seq;
    return last > 0;
  });
  return last;
}

/** The log and MongoDB hold the same messages, each once, in the same positions. */
async function compare(
  t: Pick<Tap, "strictSame" | "equal">,
  publisher: Publisher,
  inside: ReturnType<typeof lookInside>,
) {
  const last = await lastSeq(publisher);
  const stored = await inside.dump("messages");
  t.equal(stored.length, last);
  const seqs = stored.map(({ _id }) => Number(_id.split("\u001f")[2])).sort((a, b) => a - b);
  t.strictSame(seqs[0], 1);
  t.strictSame(seqs.at(-1), last);
  t.equal(new Set(seqs).size, last);
  t.equal((await inside.dump("dead_letters")).length, 0);
}

type Tap = typeof t;

t.test("kill -9 of nats-server and mongod under load loses and doubles no message", async (t) => {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const url = freshDatabase(db);
  const publisher = await openPublisher(t, log.url);
  const one = instance(t, log.url, url);
  const two = instance(t, log.url, url);
  let stop = false;
  const publishing = keepPublishing(publisher, () => stop);
  for (let i = 0; i < 2; i++) {
    const before = await one.floor.now().catch(() => ({ seq: 0 }));
    await eventually("it flows", async () => (await one.floor.now().catch(() => before)).seq > before.seq + 500);
    await db.kill("SIGKILL");
    await db.restart();
    const after = await one.floor.now();
    await eventually("it flows again", async () => (await two.floor.now().catch(() => after)).seq > after.seq);
    await log.kill("SIGKILL");
    await log.restart();
  }
  stop = true;
  await publishing;
  const last = await lastSeq(publisher);
  await eventually("all is projected", async () => (await one.floor.now().catch(() => ({ seq: 0 }))).seq === last);
  await compare(t, publisher, lookInside(t, url));
});

t.test("persistence notices a stopped mongod (SIGSTOP), and history catches up", async (t) => {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const url = freshDatabase(db);
  const publisher = await openPublisher(t, log.url);
  const one = instance(t, log.url, url);
  await eventually("ready", () => one.store.ready);
  await db.kill("SIGSTOP");
  await eventually("not ready", () => !one.store.ready, 15_000);
  await publishMany(publisher, 3000);
  const before = Date.now();
  await t.rejects(one.store.room("a"), { code: "history_unavailable" });
  t.ok(Date.now() - before < 5000, "a reader gets an error within seconds");
  await eventually("the failed batch is logged", () => one.failures.some((line) => line.startsWith("a batch")));
  await db.kill("SIGCONT");
  await eventually("all is projected", async () => (await one.floor.now().catch(() => ({ seq: 0 }))).seq === 3000);
  await compare(t, publisher, lookInside(t, url));
});

t.test("a page and a join at its position give the whole room, at any moment under load", async (t) => {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const url = freshDatabase(db);
  const publisher = await openPublisher(t, log.url);
  // Two instances of two batches each: the store always has gaps beyond the floor.
  const instances = [instance(t, log.url, url), instance(t, log.url, url)] as const;
  await eventually("ready", () => instances.every(({ store, consumer }) => store.ready && consumer.connected));
  let stop = false;
  const publishing = keepPublishing(publisher, () => stop);
  for (const { floor } of instances)
    await eventually("it flows", async () => (await floor.now().catch(() => ({ seq: 0 }))).seq > 200);
  const pages = [];
  for (let i = 0; i < 60; i++) {
    const { store, floor } = instances[i % 2]!;
    const room = ROOMS[i % ROOMS.length]!;
    pages.push(await readPage(store, floor, room, { limit: 100 }));
  }
  stop = true;
  await publishing;
  const last = await lastSeq(publisher);
  await eventually(
    "all is projected",
    async () => (await instances[0].floor.now().catch(() => ({ seq: 0 }))).seq === last,
  );
  const rooms = new Map<string, number[]>();
  for (const { _id, room } of await lookInside(t, url).dump("messages")) {
    rooms.set(room, [...(rooms.get(room) ?? []), Number(_id.split("\u001f")[2])]);
  }
  let beyond = 0;
  for (const { room, messages, position, foundNewest } of pages) {
    const seqs = messages.map(({ seq }) => seq);
    const from = Number(position.split(".")[1]);
    const all = rooms.get(room)!;
    const joined = [...seqs, ...all.filter((seq) => seq > from)];
    const wanted = seqs.length === 0 ? all : all.slice(all.indexOf(seqs[0]!));
    if (JSON.stringify(joined) !== JSON.stringify(wanted)) t.fail(`${room} at ${position}`);
    if (from < last) beyond++;
    t.ok(foundNewest);
  }
  t.ok(beyond > 30, `${beyond} pages were read in the middle of the flow`);
});

t.test("the floor survives an outage of NATS with a restart, and a new log gets a new floor", async (t) => {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const url = freshDatabase(db);
  const publisher = await openPublisher(t, log.url);
  const first = instance(t, log.url, url);
  await publishMany(publisher, 200);
  await eventually("projected", async () => (await first.floor.now().catch(() => ({ seq: 0 }))).seq === 200);
  await eventually("saved", async () => (await first.store.loadFloor())?.seq === 200);
  await log.kill("SIGKILL");
  const page = await readPage(first.store, first.floor, "a", {});
  t.match(page, { position: `${publisher.epoch}.200`, foundNewest: true });
  await first.close();
  const second = instance(t, log.url, url);
  await eventually("ready", () => second.store.ready);
  t.strictSame((await readPage(second.store, second.floor, "a", {})).position, page.position);
  await log.restart();
  await eventually("reached again", () => second.consumer.connected);
  const again = await openPublisher(t, log.url);
  await again.jsm.streams.delete("CHAT");
  const anew = await openPublisher(t, log.url);
  const event: LogEvent = message("a", "in the new log");
  await anew.publish(event);
  const floorOf = () => second.floor.now().catch(() => ({ epoch: "", seq: 0 }));
  const epochOf = async () => (await floorOf()).epoch;
  await eventually("a new floor", async () => (await epochOf()) === anew.epoch && (await floorOf()).seq === 1);
  const { messages, position } = await readPage(second.store, second.floor, "a", { limit: 2 });
  t.strictSame(position, `${anew.epoch}.1`);
  t.strictSame(
    messages.map(({ epoch }) => epoch),
    [publisher.epoch, anew.epoch],
    "the history of the old epoch comes first",
  );
});

t.test("an invalid event becomes a dead letter and does not stop the floor", async (t) => {
  const [log, db] = await Promise.all([nats(t), mongod(t)]);
  const url = freshDatabase(db);
  const publisher = await openPublisher(t, log.url);
  await publisher.raw(logSubject("a"), "not json");
  await publisher.raw("chat.log.00.=bad", "{}");
  await publisher.publish(message("a", "good"));
  const one = instance(t, log.url, url);
  await eventually("all is projected", async () => (await one.floor.now().catch(() => ({ seq: 0 }))).seq === 3);
  const letters = await lookInside(t, url).dump("dead_letters");
  t.match(letters, [
    { seq: 1, epoch: publisher.epoch, subject: logSubject("a"), reason: "it is not valid JSON in UTF-8" },
    { seq: 2, reason: "it is not an event of a type and shape that this version knows" },
  ]);
  t.equal((await readPage(one.store, one.floor, "a", {})).messages.length, 1);
});
