import { setTimeout as delay } from "node:timers/promises";
import t, { type Test } from "tap";
import { Floor } from "../src/recovery/floor.ts";
import type { Position } from "../src/store/position.ts";

/** Longer than the floor is cached. */
const STALE_MS = 60;

function floorOf(t: Test, log: { answer: Position | undefined; asked?: number }, saved?: Position): Floor {
  const consumer = {
    ackFloor: async () => {
      log.asked = (log.asked ?? 0) + 1;
      if (!log.answer) throw new Error("the log is unreachable");
      return log.answer;
    },
  };
  const floor = new Floor(consumer, { loadFloor: async () => saved, saveFloor: async () => {} });
  t.teardown(() => floor.close());
  return floor;
}

t.test("the floor never decreases within an epoch, and follows the log into the next", async (t) => {
  const log = { answer: { epoch: "a", seq: 10 } };
  const floor = floorOf(t, log);
  t.same(await floor.now(), { epoch: "a", seq: 10 });
  log.answer = { epoch: "a", seq: 5 };
  await delay(STALE_MS);
  t.same(await floor.now(), { epoch: "a", seq: 10 });
  log.answer = { epoch: "b", seq: 1 };
  await delay(STALE_MS);
  t.same(await floor.now(), { epoch: "b", seq: 1 });
});

t.test("while the log is unreachable the saved floor counts, and the log is asked twice a second", async (t) => {
  const log = { answer: undefined as Position | undefined, asked: 0 };
  const floor = floorOf(t, log, { epoch: "a", seq: 7 });
  const askedAt = performance.now();
  t.same(await floor.now(), { epoch: "a", seq: 7 });
  await delay(STALE_MS);
  t.same(await floor.now({ epoch: "a", seq: 9 }), { epoch: "a", seq: 7 }, "also for a client that has seen more");
  if (performance.now() - askedAt < 450) t.equal(log.asked, 1);
  else t.comment("the machine was suspended for that second");
  log.answer = { epoch: "a", seq: 12 };
  await delay(1000);
  t.same(await floor.now(), { epoch: "a", seq: 12 });
});

t.test("while the log is unreachable, a higher floor that another instance saved counts", async (t) => {
  const log = { answer: { epoch: "a", seq: 10 } as Position | undefined };
  const saved: Position = { epoch: "a", seq: 7 };
  const floor = floorOf(t, log, saved);
  t.same(await floor.now(), { epoch: "a", seq: 10 });
  log.answer = undefined;
  await delay(STALE_MS);
  t.same(await floor.now(), { epoch: "a", seq: 10 }, "a lower one does not count");
  Object.assign(saved, { seq: 15 });
  await delay(1100);
  t.same(await floor.now(), { epoch: "a", seq: 15 });
});

t.test(
  "the floor is behind while it does not reach what the log had a second ago, and while the log is away",
  async (t) => {
    const log: { answer: (Position & { head: number }) | undefined } = { answer: { epoch: "a", seq: 10, head: 10 } };
    const floor = floorOf(t, log);
    await floor.now();
    t.notOk(floor.isBehind);
    log.answer = { epoch: "a", seq: 10, head: 12 };
    await delay(STALE_MS);
    await floor.now();
    t.notOk(floor.isBehind, "for less than a second");
    await delay(1100);
    await floor.now();
    t.ok(floor.isBehind);
    log.answer = { epoch: "a", seq: 12, head: 14 };
    await delay(STALE_MS);
    await floor.now();
    t.notOk(floor.isBehind, "it moves on");
    log.answer = undefined;
    await delay(STALE_MS);
    await floor.now();
    t.ok(floor.isBehind, "the log is away");
  },
);

t.test("readers do not wait for a log that does not answer", async (t) => {
  const saved: Position = { epoch: "a", seq: 3 };
  const ackFloor = () => new Promise<Position>(() => {});
  const floor = new Floor({ ackFloor }, { loadFloor: async () => saved, saveFloor: async () => {} });
  t.teardown(() => floor.close());
  const askedAt = performance.now();
  t.same(await floor.now(), saved);
  t.ok(performance.now() - askedAt < 2000);
  t.ok(floor.isBehind);
});

t.test("a pending answer does not serve a client that has seen a higher position", async (t) => {
  const answers: ((seq: number) => void)[] = [];
  const ackFloor = () =>
    new Promise<Position>((resolve) => answers.push((seq: number) => resolve({ epoch: "a", seq })));
  const floor = new Floor({ ackFloor }, { loadFloor: async () => undefined, saveFloor: async () => {} });
  t.teardown(() => floor.close());
  const first = floor.now();
  const sameTime = floor.now({ epoch: "a", seq: 5 });
  const shownMore = floor.now({ epoch: "a", seq: 9 });
  while (answers.length < 1) await delay(1);
  answers[0]!(5);
  t.same(await Promise.all([first, sameTime]), [
    { epoch: "a", seq: 5 },
    { epoch: "a", seq: 5 },
  ]);
  while (answers.length < 2) await delay(1);
  answers[1]!(9);
  t.same(await shownMore, { epoch: "a", seq: 9 });
});

t.test("without a floor there is no history", async (t) => {
  await t.rejects(floorOf(t, { answer: undefined }).now(), { code: "history_unavailable" });
});

t.test("setting the clock back does not keep an old floor", async (t) => {
  const log = { answer: { epoch: "a", seq: 10 } };
  const floor = floorOf(t, log);
  await floor.now();
  const { now } = Date;
  t.intercept(Date, "now", { value: () => now() - 3_600_000 });
  log.answer = { epoch: "a", seq: 11 };
  await delay(STALE_MS);
  t.same(await floor.now(), { epoch: "a", seq: 11 });
});

t.test("after a restored store, the known floor and a pending answer are dropped", async (t) => {
  const answers: ((seq: number) => void)[] = [];
  const ackFloor = () =>
    new Promise<Position>((resolve) => answers.push((seq: number) => resolve({ epoch: "a", seq })));
  const saved: Position = { epoch: "a", seq: 3 };
  const floor = new Floor({ ackFloor }, { loadFloor: async () => saved, saveFloor: async () => {} });
  t.teardown(() => floor.close());
  const asked = floor.now();
  while (answers.length < 1) await delay(1);
  const forgotten = floor.forget();
  answers[0]!(9);
  await Promise.all([asked, forgotten]);
  const anew = floor.now();
  while (answers.length < 2) await delay(1);
  answers[1]!(2);
  t.same(await anew, saved);
});
