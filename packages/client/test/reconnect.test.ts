import { CLOSE_CODES } from "@madang/protocol/browser";
import t from "tap";
import { backoff, reconnectDelay } from "../src/reconnect.ts";

t.test("full jitter between 0 and 0.5 s doubling, never above 20 s", async (t) => {
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

t.test("F7: the range of the close code decides", async (t) => {
  const again = (code: number) => reconnectDelay(code, 0, undefined, () => 1) !== undefined;
  const reconnecting = [1001, 1005, 1006, 1012, 3000, 3005, 3012, 3013, 3014, 3499, 4000, 4499];
  const stopping = [1000, 1002, 1003, 1007, 1009, 1011, 2999, 3500, 3501, 3502, 3503, 3504, 3507, 3999, 4500, 4999];
  t.same(reconnecting.filter(again), reconnecting);
  t.same(stopping.filter(again), []);
  for (const { code } of Object.values(CLOSE_CODES)) t.equal(again(code), code < 3500, String(code));
});

t.test("the server's hint is taken as it is, within reason", async (t) => {
  t.equal(
    reconnectDelay(1012, 7, 1234, () => 1),
    1234,
  );
  t.equal(
    reconnectDelay(1012, 7, 0, () => 1),
    0,
  );
  t.equal(
    reconnectDelay(1012, 7, 1e12, () => 1),
    300_000,
  );
  t.equal(
    reconnectDelay(1012, 0, Number.NaN, () => 1),
    500,
    "one that is no number is none",
  );
  t.equal(
    reconnectDelay(3503, 0, 10, () => 1),
    undefined,
    "and does not turn a stop into a go",
  );
});
