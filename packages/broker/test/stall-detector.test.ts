import t from "tap";
import { StallDetector } from "../src/stall-detector.ts";

t.test("a log has stalled when attempts fail for longer than an election takes, until one is answered", async (t) => {
  let now = 0;
  const stall = new StallDetector(() => now);
  const fail = (at: number, sentAt: number) => {
    now = at;
    stall.onFailure(sentAt);
    return stall.stalled;
  };
  t.notOk(stall.stalled);
  t.notOk(fail(5000, 0));
  t.ok(fail(10_100, 5100));
  stall.onAnswer();
  t.notOk(stall.stalled);
  t.notOk(fail(16_000, 11_000), "it counts anew");
  t.ok(fail(21_100, 16_100));
  now += 59_000;
  t.ok(stall.stalled, "also while no attempts are made");
  now += 2000;
  t.notOk(stall.stalled, "but not without end");
  t.notOk(fail(now, now - 5000), "a failure long after the last is the first of its kind");
});
