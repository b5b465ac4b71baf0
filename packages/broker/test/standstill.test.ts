import t from "tap";
import { Standstill } from "../src/standstill.ts";

t.test(
  "a log stands still when attempts fail for longer than an election takes, and until one is answered",
  async (t) => {
    let now = 0;
    const standstill = new Standstill(() => now);
    const fail = (at: number, sentAt: number) => {
      now = at;
      standstill.onFailure(sentAt);
      return standstill.seen;
    };
    t.notOk(standstill.seen);
    t.notOk(fail(5000, 0));
    t.ok(fail(10_100, 5100));
    standstill.onAnswer();
    t.notOk(standstill.seen);
    t.notOk(fail(16_000, 11_000), "it counts anew");
    t.ok(fail(21_100, 16_100));
    now += 59_000;
    t.ok(standstill.seen, "also while nobody says anything");
    now += 2000;
    t.notOk(standstill.seen, "but not for ever");
    t.notOk(fail(now, now - 5000), "a failure long after the last is the first of its kind");
  },
);
