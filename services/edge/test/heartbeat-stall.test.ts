/** A heartbeat alone: its clock is played, since a process cannot be made to stand still between two of its own ticks. */
import t, { type Test } from "tap";
import { Heartbeat } from "../src/socket/heartbeat.ts";

function start(t: Test) {
  let now = 0;
  let onTick = () => {};
  t.intercept(performance, "now", { value: () => now });
  t.intercept(globalThis, "setInterval", { value: ((run: () => void) => (onTick = run)) as never });
  const heartbeat = new Heartbeat();
  const closed: string[] = [];
  /** Has been asked, and answers nothing. */
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

t.test("F6 who has answered no ping 8 s later is closed", async (t) => {
  const { ticks, closed } = start(t);
  ticks(7);
  t.same(closed, []);
  ticks(1);
  t.same(closed, ["noPong"]);
});

t.test("F6 after the process itself stood still silence says nothing, until the next ping", async (t) => {
  const { ticks, closed } = start(t);
  ticks(7);
  ticks(1, 4000);
  t.same(closed, []);
  ticks(24);
  t.same(closed, []);
  ticks(1);
  t.same(closed, ["noPong"]);
});
