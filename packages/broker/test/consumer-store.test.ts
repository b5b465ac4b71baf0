import { setTimeout as delay } from "node:timers/promises";
import { eventually, natsFor } from "@madang/test-kit";
import t from "tap";
import { ACK_WAIT_MS } from "../src/durable.ts";
import { openConsumer } from "../src/index.ts";
import { DEFAULT_LOG_SETTINGS } from "../src/stream-config.ts";
import { STREAM } from "../src/subjects.ts";
import { floorIs, open, publisher, Sink } from "./consumer-support.ts";

t.test("a failing store is retried with pauses, and gets every event in the end", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch } = await publisher(t, nats);
  const consumer = open(t, nats);
  const sink = new Sink();
  let attempts = 0;
  sink.fail = true;
  consumer.start((records) => {
    attempts++;
    return sink.project(records);
  });
  await publish(3000);
  await delay(5000);
  t.ok(attempts <= 14, `${attempts} attempts in 5 s`);
  await eventually(() => attempts >= 2);
  t.equal((await consumer.ackFloor()).seq, 0);
  sink.fail = false;
  await floorIs(consumer, epoch, 3000);
  t.ok(sink.hasAll(epoch, 3000));
});

t.test("after a failure of the store all records are given back, and the next attempt is a small one", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch, jsm } = await publisher(t, nats);
  const consumer = open(t, nats);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  let isFailing = false;
  const tried: number[] = [];
  consumer.start((records) => {
    if (isFailing) tried.push(records.length);
    // Holds the next attempt, so that its records can be counted.
    return isFailing ? new Promise(() => {}) : failed.promise;
  });
  await publish(3000);
  const held = async () => (await jsm.consumers.info(STREAM, `persistence-${epoch}`)).num_ack_pending;
  await eventually(async () => (await held()) === 3000);
  isFailing = true;
  failed.reject(new Error("no store"));
  await eventually(() => tried.length > 0);
  const sum = tried.reduce((total, count) => total + count, 0);
  t.ok(sum <= 100, `${sum} were tried`);
  const another = open(t, nats);
  const sink = new Sink();
  another.start(sink.project);
  await eventually(() => sink.seen.size >= 3000 - sum);
});

t.test("close finishes the batches in hand, gives back the rest, and is idempotent and limited in time", async (t) => {
  const nats = await natsFor(t);
  const { publish, epoch } = await publisher(t, nats);
  const first = open(t, nats);
  const sink = new Sink();
  first.start(sink.project);
  await publish(4000);
  await eventually(() => sink.seen.size > 0);
  await Promise.all([first.close(5000), first.close(5000)]);
  const taken = sink.seen.size;
  t.equal(first.connected, false);

  const stuck = open(t, nats);
  let holding = false;
  await publish(10);
  stuck.start(() => {
    holding = true;
    return new Promise(() => {});
  });
  await eventually(() => holding);
  const before = Date.now();
  await stuck.close(300);
  t.ok(Date.now() - before < 2000, "bounded");

  const rest = open(t, nats);
  rest.start(sink.project);
  await eventually(() => sink.hasAll(epoch, 4010), { limitMs: 5000 });
  await floorIs(rest, epoch, 4010);
  t.equal(sink.records.length, 4010, `nothing that was finished (${taken}) came again`);
});

t.test("a batch is no longer ours after this process was suspended for longer than the ack wait", async (t) => {
  const nats = await natsFor(t);
  const { publish } = await publisher(t, nats);
  const consumer = openConsumer({ nats: { url: nats.url, name: "test" }, log: DEFAULT_LOG_SETTINGS, onFailure() {} });
  t.teardown(() => consumer.close(1000));
  const ours: boolean[][] = [];
  consumer.start(async (_records, isOurs) => {
    const answers = [isOurs()];
    ours.push(answers);
    if (ours.length > 1) return;
    // Like SIGSTOP: blocks this process.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ACK_WAIT_MS + 500);
    answers.push(isOurs());
    const looked = performance.now();
    await eventually(() => performance.now() - looked > ACK_WAIT_MS / 2);
    answers.push(isOurs());
    throw new Error("let it come again");
  });
  await publish(1);
  await eventually(() => ours.length > 1 && ours[0]?.length === 3);
  t.strictSame(ours.slice(0, 2), [[true, false, false], [true]]);
});
