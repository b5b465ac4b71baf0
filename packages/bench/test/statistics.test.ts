import t from "tap";
import { HISTOGRAM_BYTES, Histogram } from "../src/load/histogram.ts";
import { type Measurement, medianOf, middle } from "../src/metrics.ts";

t.test("a percentile is within 1.6 % of the exact one", async (t) => {
  const histogram = new Histogram();
  const values = Array.from({ length: 20_000 }, (_, i) => Math.floor(1.0007 ** i) + (i % 50));
  for (const value of values) histogram.record(value);
  const sorted = values.toSorted((a, b) => a - b);
  t.equal(histogram.count, values.length);
  for (const q of [0.01, 0.25, 0.5, 0.9, 0.99, 0.999]) {
    const exactMs = sorted[Math.ceil(q * values.length) - 1]! / 1000;
    const error = Math.abs(histogram.quantileMs(q) / exactMs - 1);
    t.ok(error <= 0.016, `p${q * 100}: ${error}`);
  }
  t.equal(histogram.maxMs, sorted.at(-1)! / 1000);
});

t.test("the limits of a histogram", async (t) => {
  const histogram = new Histogram();
  t.ok(Number.isNaN(histogram.quantileMs(0.5)), "nothing recorded");
  histogram.record(-5);
  histogram.record(2 ** 40);
  t.equal(histogram.quantileMs(0), 0, "a negative value counts as 0");
  t.equal(histogram.maxMs, (2 ** 31 - 1) / 1000, "capped at the largest");
});

t.test("histograms share memory and can be added", async (t) => {
  const memory = new SharedArrayBuffer(HISTOGRAM_BYTES + 8);
  new Histogram(memory, 8).record(1000);
  const sum = new Histogram();
  sum.record(3000);
  sum.add(new Histogram(memory, 8));
  t.equal(sum.count, 2);
  t.equal(sum.maxMs, 3);
  const larger = new Histogram();
  larger.record(7000);
  sum.add(larger);
  t.equal(sum.maxMs, 7, "the largest of both");
});

t.test("the median of several runs and their spread", async (t) => {
  t.equal(middle([5, 1, 3]), 3);
  t.equal(middle([4, 1, 3, 2]), 2.5);
  const run = (cpuUs: number): Measurement => ({ scenario: "1x100", peer: "madang", metrics: { cpuUs } });
  t.same(medianOf([run(10), run(12), run(9)]), { ...run(10), spread: { cpuUs: 0.19999999999999996 } });
  t.same(medianOf([run(10)]), run(10));
});
