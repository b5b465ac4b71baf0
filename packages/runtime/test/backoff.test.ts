import t from "tap";
import { Backoff } from "../src/backoff.ts";

const waits = (backoff: Backoff, count: number) => Array.from({ length: count }, () => backoff.next());

t.test("waits double from the first to the last, and a reset begins again", async (t) => {
  const backoff = new Backoff({ firstMs: 250, lastMs: 5000 });
  t.same(waits(backoff, 7), [250, 500, 1000, 2000, 4000, 5000, 5000]);
  backoff.reset();
  t.same(waits(backoff, 2), [250, 500]);
  for (let i = 0; i < 10_000; i++) backoff.next();
  t.equal(backoff.next(), 5000, "the last wait stays finite");
});

t.test("the factor decides how fast waits grow", async (t) => {
  t.same(waits(new Backoff({ firstMs: 100, lastMs: 1000, factor: 3 }), 4), [100, 300, 900, 1000]);
  t.same(waits(new Backoff({ firstMs: 100, lastMs: 1000, factor: 1 }), 3), [100, 100, 100]);
  t.same(waits(new Backoff({ firstMs: 100, lastMs: 50 }), 2), [50, 50], "the limit holds for the first wait too");
});

t.test("jitter shortens a wait by up to its share, and leaves the growth as it is", async (t) => {
  const settings = { firstMs: 100, lastMs: 400, jitter: 0.5 };
  t.same(waits(new Backoff(settings, () => 0), 3), [100, 200, 400]);
  t.same(waits(new Backoff(settings, () => 0.5), 3), [75, 150, 300]);
  for (const waitMs of waits(new Backoff({ firstMs: 100, lastMs: 100, jitter: 1 }), 1000)) {
    if (waitMs <= 0 || waitMs > 100) t.fail(`${waitMs}`);
  }
});
