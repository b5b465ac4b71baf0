import t from "tap";
import type { FeedEvent } from "../src/rooms/feed-event.ts";
import { Ring, RingBudget } from "../src/rooms/ring.ts";

const MAX_EVENTS = 512;

function event(seq: number, bytes = 10): FeedEvent {
  return { seq, frame: Buffer.alloc(bytes), isMessage: true };
}
function about(target: number, seq: number, isDelete: boolean): FeedEvent {
  return { seq, frame: Buffer.alloc(10), isMessage: false, target, isDelete };
}
const seqs = (events: readonly FeedEvent[]) => events.map(({ seq }) => seq);

t.test("a ring returns the events after a position, up to a size and at least one", async (t) => {
  const ring = new Ring(new RingBudget(1000), 4);
  for (const seq of [5, 8, 9]) ring.push(event(seq));
  t.same(seqs(ring.after(4, 1000)), [5, 8, 9]);
  t.same(seqs(ring.after(6, 1000)), [8, 9]);
  t.same(seqs(ring.after(5, 1)), [8]);
  t.same(seqs(ring.after(4, 11)), [5, 8]);
  t.same(ring.after(9, 1000), []);
  t.equal(ring.base, 4);
});

t.test("a ring keeps a limited number of events, and its base follows the newest one removed", async (t) => {
  const budget = new RingBudget(1_000_000);
  const ring = new Ring(budget, 0);
  for (let seq = 1; seq <= MAX_EVENTS + 3; seq++) ring.push(event(seq));
  t.equal(ring.after(3, 1_000_000).length, MAX_EVENTS);
  t.equal(ring.base, 3);
  t.equal(budget.bytes, MAX_EVENTS * 10);
});

t.test("over the budget the oldest event of all rooms is removed, and each removal counts once", async (t) => {
  const budget = new RingBudget(100);
  const [a, b] = [new Ring(budget, 0), new Ring(budget, 0)];
  for (let seq = 1; seq <= 5; seq++) a.push(event(seq));
  for (let seq = 6; seq <= 10; seq++) b.push(event(seq));
  t.equal(budget.bytes, 100);
  b.push(event(11));
  t.same([a.base, b.base, budget.bytes], [1, 0, 100]);
  // The four events that it has dropped do not count again: the next to go is the oldest of the other room.
  a.reset(20);
  t.equal(budget.bytes, 60);
  a.push(event(21, 40));
  t.same([a.base, b.base], [20, 0]);
  a.push(event(22));
  t.same([a.base, b.base, budget.bytes], [20, 6, 100]);
});

t.test("a deletion removes the message and its edits, and frees their bytes", async (t) => {
  const budget = new RingBudget(100);
  const ring = new Ring(budget, 0);
  for (const each of [event(1), event(2), about(1, 3, false), event(4)]) ring.push(each);
  ring.push(about(1, 5, true));
  t.same(seqs(ring.after(0, 1000)), [2, 4, 5]);
  t.equal(budget.bytes, 30);
  ring.push(about(9, 6, true));
  t.same(seqs(ring.after(0, 1000)), [2, 4, 5, 6], "a deletion of an unknown message removes nothing");
  for (let seq = 7; seq <= 12; seq++) ring.push(event(seq));
  t.same([ring.base, budget.bytes], [0, 100], "nothing had to be removed yet");
  ring.push(event(13));
  t.same(seqs(ring.after(0, 1000))[0], 4, "then the oldest event");
});

t.test("a ring is extended into the past only without a gap", async (t) => {
  const budget = new RingBudget(100);
  const ring = new Ring(budget, 7);
  ring.push(event(9));
  ring.extend(2, []);
  ring.extend(2, [event(3), event(5)]);
  t.equal(ring.base, 7, "the events from 5 to 7 were not read");
  ring.extend(8, [event(9)]);
  t.equal(ring.base, 7, "nothing older");
  ring.extend(2, [event(3), event(7), event(9), event(10)]);
  t.same([ring.base, seqs(ring.after(2, 1000)), budget.bytes], [2, [3, 7, 9], 30]);
  t.same(seqs(ring.after(3, 1000)), [7, 9]);
  ring.extend(1, [event(2, 71)]);
  t.same([ring.base, budget.bytes], [2, 30], "the budget has no room");
  ring.extend(1, [event(2, 70)]);
  t.same([ring.base, budget.bytes], [1, 100]);
  ring.push(event(10));
  t.same([ring.base, budget.bytes], [2, 40], "the oldest event goes first, whenever it was added");
});

t.test("a ring is extended only as far as its limit of events", async (t) => {
  const ring = new Ring(new RingBudget(1_000_000), 1000);
  const past = Array.from({ length: MAX_EVENTS + 1 }, (_, i) => event(1000 - MAX_EVENTS + i));
  ring.extend(1000 - MAX_EVENTS - 1, past);
  t.equal(ring.base, 1000);
  ring.extend(1000 - MAX_EVENTS, past.slice(1));
  t.equal(ring.base, 1000 - MAX_EVENTS);
});

t.test("a deleted message does not return when the ring is extended", async (t) => {
  const ring = new Ring(new RingBudget(1000), 6);
  ring.push(event(7));
  ring.push(about(3, 8, true));
  ring.extend(0, [event(1), about(1, 2, false), event(3), about(1, 4, true), about(3, 5, false), event(6)]);
  t.same(seqs(ring.after(0, 1000)), [4, 6, 7, 8]);
});

t.test("removed events leave nothing behind, although the budget is never used up", async (t) => {
  const budget = new RingBudget(1_000_000);
  const busy = new Ring(budget, 0);
  const quiet = new Ring(budget, 0);
  for (let seq = 1; seq <= 50_000; seq++) {
    busy.push(event(seq));
    if (seq % 100 === 0) quiet.push(event(seq));
    if (seq % 1000 === 0) quiet.reset(seq);
  }
  t.ok(budget.entries < 10_000, `${budget.entries} entries`);
  busy.push(event(50_001, 1_000_000 - budget.bytes));
  t.same([busy.base, budget.bytes], [49_489, 999_990]);
  quiet.push(event(50_002, 25));
  t.equal(busy.base, 49_491, "the oldest event still goes first");
});

t.test("extending a ring removes no event of another room", async (t) => {
  const budget = new RingBudget(100);
  const [other, ring] = [new Ring(budget, 0), new Ring(budget, 7)];
  other.push(event(1, 50));
  ring.push(event(8));
  ring.extend(2, [event(7, 41)]);
  t.same([other.base, ring.base, budget.bytes], [0, 7, 60]);
  ring.extend(2, [event(7, 40)]);
  t.same([other.base, ring.base, budget.bytes], [0, 2, 100]);
});
