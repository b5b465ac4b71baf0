/** A lane with a simulated publisher: no real server fails attempts in a chosen order. */
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { type Flight, type LaneHost, SenderLane } from "../src/sender-lane.ts";

class Host implements LaneHost {
  connected = true;
  keepsOrder = true;
  /** Sent ids, in order. */
  readonly sent: Flight[] = [];
  readonly forgotten: string[] = [];
  isBusy = false;

  send(_subject: string, flight: Flight): void {
    this.sent.push(flight);
  }
  forget(flight: Flight): void {
    this.forgotten.push(flight.id);
  }
  busy(_lane: SenderLane, isBusy: boolean): void {
    this.isBusy = isBusy;
  }
  get ids(): string[] {
    return this.sent.map(({ id }) => id);
  }
}

function start(count: number, host = new Host()) {
  const lane = new SenderLane(host, "s", undefined);
  const answers: string[] = [];
  for (let i = 0; i < count; i++) {
    lane.publish(`${i}`, new Uint8Array()).then(
      ({ seq }) => answers.push(`${i} ${seq}`),
      ({ code }: { code: string }) => answers.push(`${i} ${code}`),
    );
  }
  const store = (id: number, seq: number) =>
    lane.settle(host.sent.findLast((flight) => flight.id === `${id}`)!, { seq, epoch: "e", duplicate: false });
  return { host, lane, answers, store };
}
const WINDOW = 32;

t.test("F3: one window is in flight, and an acknowledgement makes room for the next event", async (t) => {
  const { host, lane, answers, store } = start(WINDOW + 2);
  t.equal(host.sent.length, WINDOW);
  store(0, 7);
  t.equal(host.sent.length, WINDOW + 1);
  t.equal(lane.pending, WINDOW + 1);
  await delay(0);
  t.same(answers, ["0 7"]);
});

t.test("F3: in a cluster one event is in flight", async (t) => {
  const host = new Host();
  host.keepsOrder = false;
  const { store } = start(3, host);
  t.same(host.ids, ["0"]);
  store(0, 7);
  t.same(host.ids, ["0", "1"]);
});

t.test("F3: after a failure the lane goes back, one at a time until something is stored", async (t) => {
  const { host, lane, answers, store } = start(4);
  lane.settle(host.sent[1]!, "failed");
  void lane.publish("new", new Uint8Array());
  store(0, 1);
  store(2, 2);
  t.same(host.ids, ["0", "1", "2", "3"], "the attempts behind it have no outcome yet");
  lane.settle(host.sent[3]!, "failed");
  await delay(150);
  t.same(host.ids.slice(4), ["1"], "the oldest alone");
  store(1, 3);
  t.same(host.ids.slice(4), ["1", "3", "new"], "in the order of the calls");
  store(3, 4);
  lane.settle(host.sent.at(-1)!, { seq: 5, epoch: "e", duplicate: false });
  await delay(0);
  t.same(answers, ["0 1", "2 2", "1 3", "3 4"]);
  t.notOk(host.isBusy);
});

t.test("F3: the lane goes back only when all attempts behind a failure have an outcome", async (t) => {
  const { host, lane, answers, store } = start(2);
  const fail = (id: string) => lane.settle(host.sent.findLast((flight) => flight.id === id)!, "failed");
  fail("0");
  await delay(150);
  t.same(host.ids, ["0", "1"], "the attempt behind it has no outcome yet");
  store(1, 1);
  t.ok(host.isBusy);
  await delay(150);
  fail("0");
  await delay(150);
  t.same(host.ids.slice(2), ["0", "0"]);
  store(0, 2);
  t.notOk(host.isBusy);
  for (const id of ["a", "b"]) void lane.publish(id, new Uint8Array());
  fail("a");
  await delay(150);
  t.same(host.ids.slice(4), ["a", "b"], "and again");
  fail("b");
  await delay(150);
  t.same(host.ids.slice(6), ["a"]);
  t.same(answers, ["1 1", "0 2"]);
});

t.test("F3: a lane that is abandoned during a failure begins afresh", async (t) => {
  const { host, lane, answers } = start(1);
  lane.settle(host.sent[0]!, "failed");
  lane.abandon();
  await delay(0);
  t.same(answers, ["0 log_unavailable"]);
  void lane.publish("a", new Uint8Array());
  t.same(host.ids, ["0", "a"]);
  lane.settle(host.sent[1]!, "failed");
  await delay(150);
  t.same(host.ids, ["0", "a", "a"]);
});

t.test("a message that is too large is refused alone", async (t) => {
  const { host, lane, answers, store } = start(2);
  lane.settle(host.sent[0]!, "refused-size");
  t.equal(lane.pending, 1);
  store(1, 1);
  await delay(0);
  t.same(answers, ["0 text_too_long", "1 1"]);
  t.notOk(host.isBusy);
});

t.test("F3: a full log refuses the events that wait behind too, so that none is stored before", async (t) => {
  const { host, lane, answers } = start(WINDOW + 2);
  lane.settle(host.sent[0]!, "refused-full");
  await delay(0);
  t.same(answers, ["0 log_full", `${WINDOW} log_full`, `${WINDOW + 1} log_full`]);
  t.equal(host.sent.length, WINDOW);
  t.equal(lane.pending, WINDOW - 1);
});

t.test("a lane accepts a limited number of events", async (t) => {
  const { answers, lane } = start(4097);
  await delay(0);
  t.same(answers, ["4096 too_many_pending"]);
  t.equal(lane.pending, 4096);
});

t.test("the time limit of the oldest event abandons all events of the lane", async (t) => {
  const { host, lane, answers } = start(WINDOW + 1);
  lane.expire(performance.now() + 19_000);
  t.equal(lane.pending, WINDOW + 1);
  lane.expire(performance.now() + 20_001);
  await delay(0);
  t.equal(answers.filter((answer) => answer.endsWith(" log_unavailable")).length, WINDOW + 1);
  t.equal(host.forgotten.length, WINDOW + 1);
  t.notOk(host.isBusy);
  t.equal(lane.pending, 0);
});

t.test("a paused lane holds events back", async (t) => {
  const { host, lane } = start(0);
  lane.pause();
  void lane.publish("a", new Uint8Array());
  t.same(host.ids, []);
  lane.resume();
  t.same(host.ids, ["a"]);
});

t.test("a lane without a connection sends from the first event on once there is one", async (t) => {
  const { host, lane } = start(0);
  host.connected = false;
  void lane.publish("a", new Uint8Array());
  t.same(host.ids, []);
  host.connected = true;
  lane.restart();
  void lane.publish("b", new Uint8Array());
  t.same(host.ids, ["a"], "after a restart, one at a time");
});

t.test(
  "F3: after a refusal by a full log one event is in flight, so that no smaller one is stored before it",
  async (t) => {
    const { host, lane, store } = start(3);
    lane.settle(host.sent[0]!, "refused-full");
    store(1, 1);
    store(2, 2);
    for (const id of ["large", "small"]) lane.publish(id, new Uint8Array()).catch(() => {});
    t.same(host.ids.slice(3), ["large"], "although an event in flight with the refused one was stored");
    lane.settle(host.sent[3]!, { seq: 3, epoch: "e", duplicate: false });
    void lane.publish("next", new Uint8Array());
    t.same(host.ids.slice(4), ["small", "next"]);
  },
);
