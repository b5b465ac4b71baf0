import { setTimeout as delay } from "node:timers/promises";
import { eventually, natsFor } from "@madang/test-kit";
import t from "tap";
import { DEFAULT_LOG_SETTINGS, ensureStream } from "../src/stream-config.ts";
import { logSubject, STREAM } from "../src/subjects.ts";
import { floorIs, open, publisher, Sink } from "./consumer-support.ts";

t.test("each record is delivered with its position and room, and the ack floor follows", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch, jsm } = await publisher(t, nats);
  const consumer = open(t, nats);
  const sink = new Sink();
  consumer.start(sink.project);
  await floorIs(consumer, epoch, 0);
  await publish(1200);
  await floorIs(consumer, epoch, 1200);
  t.ok(sink.hasAll(epoch, 1200));
  t.equal(sink.records.length, 1200, "each once");
  const tenth = sink.records.find((record) => record.seq === 3)!;
  t.match(tenth, { room: "수다방", subject: logSubject("수다방"), epoch, deliveries: 1 });
  await jsm.consumers.delete(STREAM, `persistence-${epoch}`);
  await publish(1);
  await floorIs(consumer, epoch, 1201);
  t.ok(sink.hasAll(epoch, 1201), "consumption continues after the durable consumer was deleted");
});

t.test("a clock that is set forward does not count as silence of the server", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch } = await publisher(t, nats);
  const troubles: string[] = [];
  const consumer = open(t, nats, troubles);
  const sink = new Sink();
  consumer.start(sink.project);
  await floorIs(consumer, epoch, 0);
  const { now } = Date;
  t.intercept(Date, "now", { value: () => now() + 3_600_000 });
  // Longer than the interval between two checks.
  await delay(1500);
  await publish(1);
  await floorIs(consumer, epoch, 1);
  t.strictSame(troubles, []);
});

t.test("a single message arrives alone, a stream of messages in bundles", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch } = await publisher(t, nats);
  const consumer = open(t, nats);
  const sink = new Sink();
  const sizes: number[] = [];
  consumer.start(async (records) => {
    sizes.push(records.length);
    return sink.project(records);
  });
  await floorIs(consumer, epoch, 0);
  await publish(1);
  await floorIs(consumer, epoch, 1);
  for (let i = 0; i < 300; i++) {
    await publish(1);
    await delay(2);
  }
  await floorIs(consumer, epoch, 301);
  t.equal(sizes[0], 1);
  t.ok(sizes.length < 60, `301 messages in ${sizes.length} batches`);
});

t.test("batches of large records have fewer of them, so that memory stays bounded", async (t) => {
  const nats = await natsFor(t);
  const { nc, epoch } = await publisher(t, nats);
  const large = new Uint8Array(60_000);
  const count = 600;
  for (let i = 0; i < count; i++) nc.publish(logSubject("a"), large);
  await nc.flush();
  const consumer = open(t, nats);
  const sink = new Sink();
  const batches: number[] = [];
  let inHand = 0;
  let most = 0;
  consumer.start(async (records) => {
    const bytes = records.reduce((sum, { data }) => sum + data.length, 0);
    batches.push(bytes);
    inHand += bytes;
    most = Math.max(most, inHand);
    await delay(50);
    await sink.project(records);
    inHand -= bytes;
  });
  await floorIs(consumer, epoch, count);
  t.equal(sink.records.length, count, "each once");
  const total = count * large.length;
  t.ok(Math.max(...batches) <= 8 * 1024 * 1024, String(batches));
  t.ok(most <= total / 2, "two batches at a time");
});

t.test("two instances share the work, and the floor stays below the records in hand of both", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch } = await publisher(t, nats);
  const [one, two] = [open(t, nats), open(t, nats)];
  const sinks = [new Sink(), new Sink()] as const;
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let lowestHeld = Number.POSITIVE_INFINITY;
  one.start(async (records) => {
    lowestHeld = Math.min(lowestHeld, ...records.map(({ seq }) => seq));
    await held;
    return sinks[0].project(records);
  });
  await publish(600);
  await eventually(() => lowestHeld < Number.POSITIVE_INFINITY);
  two.start(sinks[1].project);
  await publish(4000);
  await eventually(() => sinks[1].records.length > 500);
  const floor = await two.ackFloor();
  t.ok(floor.seq < lowestHeld, `${floor.seq} < ${lowestHeld}`);
  release();
  await floorIs(two, epoch, 4600);
  const taken = new Set([...sinks[0].seen.keys(), ...sinks[1].seen.keys()]);
  t.equal(taken.size, 4600);
});

// These tests wait most of their time, each on servers of its own.
t.jobs = 3;

t.test("a batch is renewed while it is being written, or waits to be", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch, jsm } = await publisher(t, nats);
  const [one, two] = [open(t, nats), open(t, nats)];
  const sink = new Sink();
  const others = new Sink();
  const written = Promise.withResolvers<void>();
  one.start(async (records) => {
    await written.promise;
    return sink.project(records);
  });
  // Three batches: two are being written, and one waits.
  await publish(3000);
  const held = async () => (await jsm.consumers.info(STREAM, `persistence-${epoch}`)).num_ack_pending;
  await eventually(async () => (await held()) === 3000);
  two.start(others.project);
  await delay(13_000);
  written.resolve();
  await floorIs(two, epoch, 3000);
  t.equal(sink.records.length, 3000);
  t.equal(others.records.length, 0, "none was delivered again meanwhile");
});

t.test("after kill -9 of nats-server in the middle nothing is missing", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch } = await publisher(t, nats);
  const consumer = open(t, nats);
  const sink = new Sink();
  consumer.start(sink.project);
  const published = publish(12_000);
  for (const share of [2000, 6000]) {
    await eventually(() => sink.seen.size >= share);
    await nats.kill("SIGKILL");
    await nats.restart();
  }
  await published;
  const { last_seq } = (await (await publisher(t, nats)).jsm.streams.info(STREAM)).state;
  await floorIs(consumer, epoch, last_seq);
  t.ok(sink.hasAll(epoch, last_seq));
});

t.test("acknowledgements that are lost with nats-server do not hold the floor back", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch } = await publisher(t, nats);
  const consumer = open(t, nats);
  const sink = new Sink();
  const stored = Promise.withResolvers<void>();
  let inHand = 0;
  consumer.start(async (records) => {
    inHand += records.length;
    await stored.promise;
    return sink.project(records);
  });
  await publish(500);
  await eventually(() => inHand === 500);
  // By SIGTERM it surely saves that all 500 were delivered.
  await nats.kill("SIGTERM");
  await eventually(() => !consumer.connected);
  stored.resolve();
  await eventually(() => sink.hasAll(epoch, 500));
  await nats.restart();
  const restartedAt = performance.now();
  await floorIs(consumer, epoch, 500);
  const ms = performance.now() - restartedAt;
  // Without help the server redelivers after the ack wait of 10 s.
  t.ok(ms < 5000, `${ms} ms`);
});

t.test("a server that stops answering does not block consumption", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch } = await publisher(t, nats);
  const troubles: string[] = [];
  const consumer = open(t, nats, troubles);
  const sink = new Sink();
  consumer.start(sink.project);
  await publish(10);
  await floorIs(consumer, epoch, 10);
  await nats.kill("SIGSTOP");
  await eventually(() => troubles.some((trouble) => trouble.includes("stopped answering")));
  await nats.kill("SIGCONT");
  await publish(10);
  await floorIs(consumer, epoch, 20);
  t.ok(sink.hasAll(epoch, 20), troubles.join());
});

t.test("a log that was created anew is consumed from its start, under its own epoch", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch, jsm } = await publisher(t, nats);
  const consumer = open(t, nats);
  const sink = new Sink();
  consumer.start(sink.project);
  await publish(700);
  await floorIs(consumer, epoch, 700);
  await jsm.streams.delete(STREAM);
  // Publisher and consumer race to create it.
  const next = (await ensureStream(jsm, DEFAULT_LOG_SETTINGS)).epoch;
  t.ok(next > epoch);
  await publish(300);
  await floorIs(consumer, next, 300);
  t.ok(sink.hasAll(next, 300));
  t.equal(sink.seen.size, 1000, "no record was delivered under the other epoch");
  await jsm.streams.delete(STREAM);
  await eventually(async () => {
    const floor = await consumer.ackFloor().catch(() => undefined);
    return floor !== undefined && floor.epoch > next;
  });
});

t.test("a batch of the old log acknowledges nothing of the new one, which has the same sequences", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch, jsm } = await publisher(t, nats);
  const consumer = open(t, nats);
  const old = Promise.withResolvers<void>();
  const held = new Set<string>();
  // The store accepts the old log's events on command, and none of the new one's.
  consumer.start((records) => {
    for (const record of records) held.add(`${record.epoch}.${record.seq}`);
    return records.some((record) => record.epoch === epoch) ? old.promise : new Promise(() => {});
  });
  await publish(5);
  await eventually(() => held.size === 5);
  await jsm.streams.delete(STREAM);
  const next = (await ensureStream(jsm, DEFAULT_LOG_SETTINGS)).epoch;
  await publish(5);
  await eventually(() => held.has(`${next}.5`));
  old.resolve();
  await consumer.close(100);
  const [consumerInfo] = await jsm.consumers.list(STREAM).next();
  t.match(consumerInfo, { ack_floor: { stream_seq: 0 }, num_waiting: 0 });
});
