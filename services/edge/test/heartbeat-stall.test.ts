/** A heartbeat alone, on a clock of the test: no test can stop its own process between two ticks. */
import t, { type Test } from "tap";
import { Heartbeat } from "../src/socket/heartbeat.ts";

function start(t: Test) {
  let now = 0;
  let onTick = () => {};
  t.intercept(performance, "now", { value: () => now });
  t.intercept(globalThis, "setInterval", { value: ((run: () => void) => (onTick = run)) as never });
  const heartbeat = new Heartbeat();
  const closed: string[] = [];
  /** A client that has a ping to answer. */
  const silent = {
    alive: false,
    stuckFor: () => 0,
    isSilent: () => true,
    ping: () => {},
    close: (reason: string) => closed.push(reason),
  };
  heartbeat.add(silent, false);
  const ticks = (count: number, everyMs = 1000) => {
    for (let i = 0; i < count; i++) {
      now += everyMs;
      onTick();
    }
  };
  return { ticks, closed };
}

t.test("F6 a client that has not answered a ping after 8 s is closed", async (t) => {
  const { ticks, closed } = start(t);
  ticks(7);
  t.same(closed, []);
  ticks(1);
  t.same(closed, ["noPong"]);
});

t.test("F6 after a stall of the edge itself, silence has no effect until the next ping", async (t) => {
  const { ticks, closed } = start(t);
  ticks(7);
  ticks(1, 4000);
  t.same(closed, []);
  ticks(24);
  t.same(closed, []);
  ticks(1);
  t.same(closed, ["noPong"]);
});
