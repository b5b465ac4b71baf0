import t from "tap";
import { backoff, reconnectDelay } from "../src/reconnect.ts";

t.test("the backoff has full jitter, doubles from 0.5 s and ends at 20 s", async (t) => {
  const most = [0, 1, 2, 3, 4, 5, 6, 7, 1000].map((attempt) => backoff(attempt, () => 1));
  t.same(most, [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000]);
  t.equal(
    backoff(5, () => 0),
    0,
  );
  t.equal(
    backoff(2, () => 0.25),
    500,
  );
});

t.test("a server's hint replaces the backoff, up to 5 min", async (t) => {
  t.equal(
    reconnectDelay(7, 1234, () => 1),
    1234,
  );
  t.equal(
    reconnectDelay(7, 0, () => 1),
    0,
  );
  t.equal(
    reconnectDelay(7, 1e12, () => 1),
    300_000,
  );
  t.equal(
    reconnectDelay(0, Number.NaN, () => 1),
    500,
    "a hint that is not a number has no effect",
  );
});
