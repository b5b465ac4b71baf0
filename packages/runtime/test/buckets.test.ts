import fc from "fast-check";
import t from "tap";
import { Bucket, Buckets } from "../src/buckets.ts";

t.test("a bucket never gives more than its count and what came back meanwhile, and never less", async () => {
  const steps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), steps, (count, waits) => {
      const windowMs = 1000;
      const bucket = new Bucket({ count, windowMs });
      let now = 1_000_000;
      let tokens = count;
      for (const wait of waits) {
        now += wait;
        tokens = Math.min(count, tokens + (wait * count) / windowMs);
        const refusedFor = bucket.take(now);
        if (refusedFor === 0) tokens -= 1;
        if (tokens < -1e-6 || (refusedFor > 0 && tokens >= 1 + 1e-6)) return false;
        if (refusedFor > 0 && Math.abs(refusedFor - ((1 - tokens) * windowMs) / count) > 1e-3) return false;
      }
      return true;
    }),
  );
});

t.test("full buckets are removed", async (t) => {
  const buckets = new Buckets();
  for (let i = 0; i < 100_000; i++) buckets.take(`key ${i}`, { count: 1, windowMs: 10 }, i / 10);
  t.ok(buckets.size < 5000, `${buckets.size}`);
});
