import t from "tap";
import { type FeedEvent, Ring, RingBudget } from "../src/ring.ts";

const MAX_EVENTS = 512;

function event(seq: number, bytes = 10, target?: number): FeedEvent {
  const base = { seq, frame: Buffer.alloc(bytes), isMessage: target === undefined };
  return target === undefined ? base : { ...base, target };
}
const seqs = (events: readonly FeedEvent[]) => events.map(({ seq }) => seq);

t.test("what comes after a place, up to some bytes and at least one", async (t) => {
  const ring = new Ring(new RingBudget(1000), 4);
  for (const seq of [5, 8, 9]) ring.push(event(seq));
  t.same(seqs(ring.after(4, 1000)), [5, 8, 9]);
  t.same(seqs(ring.after(6, 1000)), [8, 9]);
  t.same(seqs(ring.after(5, 1)), [8]);
  t.same(seqs(ring.after(4, 11)), [5, 8]);
  t.same(ring.after(9, 1000), []);
  t.equal(ring.base, 4);
});

t.test("a room has so many events, and the base follows the oldest that is gone", async (t) => {
  const budget = new RingBudget(1_000_000);
  const ring = new Ring(budget, 0);
  for (let seq = 1; seq <= MAX_EVENTS + 3; seq++) ring.push(event(seq));
  t.equal(ring.after(3, 1_000_000).length, MAX_EVENTS);
  t.equal(ring.base, 3);
  t.equal(budget.bytes, MAX_EVENTS * 10);
});

t.test("over the budget the oldest of all rooms goes, and what is gone already counts once", async (t) => {
  const budget = new RingBudget(100);
  const [a, b] = [new Ring(budget, 0), new Ring(budget, 0)];
  for (let seq = 1; seq <= 5; seq++) a.push(event(seq));
  for (let seq = 6; seq <= 10; seq++) b.push(event(seq));
  t.equal(budget.bytes, 100);
  b.push(event(11));
  t.same([a.base, b.base, budget.bytes], [1, 0, 100]);
  // Its four turns pass without effect: the next to go are the oldest of the other room.
  a.reset(20);
  t.equal(budget.bytes, 60);
  a.push(event(21, 40));
  t.same([a.base, b.base], [20, 0]);
  a.push(event(22));
  t.same([a.base, b.base, budget.bytes], [20, 6, 100]);
});

t.test("what was taken back is gone with what is about it, and frees its bytes", async (t) => {
  const budget = new RingBudget(100);
  const ring = new Ring(budget, 0);
  for (const each of [event(1), event(2), event(3, 10, 1), event(4)]) ring.push(each);
  ring.forget(1);
  t.same(seqs(ring.after(0, 1000)), [2, 4]);
  t.equal(budget.bytes, 20);
  ring.forget(9);
  t.equal(budget.bytes, 20);
  for (let seq = 5; seq <= 12; seq++) ring.push(event(seq));
  t.same([ring.base, budget.bytes], [0, 100], "nothing had to go yet");
  ring.push(event(13));
  t.same(seqs(ring.after(0, 1000))[0], 4, "then the oldest that is left");
});
