import t from "tap";
import type { Measurement, Metrics } from "../src/metrics.ts";
import { charts } from "../src/report/charts.ts";
import { compare, comparisonText, type Results } from "../src/report/compare.ts";
import { markdown } from "../src/report/markdown.ts";
import { ratiosOf } from "../src/report/ratios.ts";
import { short } from "../src/report/svg.ts";

const of = (scenario: string, peer: string, metrics: Metrics, step?: number): Measurement => ({
  scenario,
  peer,
  metrics,
  ...(step === undefined ? {} : { step }),
});

const RUN = [
  of("1x100", "madang", { cpuUs: 2.5, p99Ms: 4, lost: 0, twice: 0 }),
  of("1x100", "centrifugo", { cpuUs: 5, p99Ms: 8, lost: 0, twice: 0 }),
  of("1x100", "socketio", { cpuUs: 25, p99Ms: 30, lost: 0, twice: 7 }),
  of("open", "madang", { p50Ms: 1, p99Ms: 4 }, 500),
  of("open", "madang", { p50Ms: 2, p99Ms: 9 }, 2000),
  of("open", "centrifugo", { p50Ms: 2, p99Ms: 3 }, 2000),
  of("ingest", "madang", { messagesPerS: 40_000, messageUs: 42 }),
];

const results = (measurements: readonly Measurement[]): Results => ({ at: "", machine: "", command: "", measurements });

t.test("the ratio is to the best peer of the same scenario and step", async (t) => {
  t.same(ratiosOf(RUN), [
    {
      scenario: "1x100",
      step: undefined,
      metric: "cpuUs",
      ours: 2.5,
      best: 0.5,
      against: { centrifugo: 0.5, socketio: 0.1 },
    },
    { scenario: "open", step: 2000, metric: "p99Ms", ours: 9, best: 3, against: { centrifugo: 3 } },
  ]);
});

t.test("the tables name the peers, and hide faults that no peer has", async (t) => {
  const text = markdown(RUN);
  t.match(text, "| 1x100 | server CPU, us/delivery | 2.50 | 0.50 | 0.50 | 0.10 |");
  t.match(text, "| Centrifugo + NATS | 5.00 | 8.00 | 0 |");
  t.match(text, "- No peer had any: lost.");
  t.match(text, "npm run bench -- --scenario 1x100");
  const widths = text
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").length);
  t.ok(widths.every((width) => width >= 4));
});

t.test("charts contain the measured scenarios", async (t) => {
  const files = charts(RUN);
  t.same([...files.keys()], ["bench-peers.svg", "bench-open.svg"]);
  for (const svg of files.values()) {
    t.match(svg, /^<svg .*<\/svg>\n$/s);
    t.notMatch(svg, /NaN|undefined|Infinity/);
  }
  t.same(charts([]), new Map());
  t.same([0.1234, 5, 1234, 12_345, 2_500_000].map(short), ["0.123", "5", "1230", "12.3k", "2.5M"]);
});

t.test("a comparison tells worse, better and noise apart", async (t) => {
  const verdicts = (now: readonly Measurement[]) =>
    Object.fromEntries(compare(results(RUN), results(now)).map(({ what, verdict }) => [what, verdict]));
  const ours = (metrics: Metrics) => [of("1x100", "madang", metrics), ...RUN.slice(1)];

  const same = verdicts(RUN);
  t.ok(Object.values(same).every((verdict) => verdict === "same"));
  t.equal(Object.keys(same).length, 10);

  const ratio = "1x100: server CPU, us/delivery, ratio to centrifugo";
  t.equal(verdicts(ours({ cpuUs: 2.9 }))[ratio], "same", "16 % is noise");
  t.equal(verdicts(ours({ cpuUs: 3.1 }))[ratio], "worse", "24 % is not");
  t.equal(verdicts(ours({ cpuUs: 2 }))[ratio], "better");
  t.equal(
    verdicts([of("1x100", "madang", { cpuUs: 5 }), of("1x100", "centrifugo", { cpuUs: 10 })])[ratio],
    "same",
    "a slower machine",
  );
  t.equal(verdicts(ours({ cpuUs: 2.5, lost: 1 }))["1x100: lost"], "worse", "one lost message is one too many");
  t.equal(
    verdicts([of("ingest", "madang", { messagesPerS: 20_000 })])["ingest: messages/s"],
    "worse",
    "where more is better",
  );

  const noisy = [{ ...of("1x100", "madang", { cpuUs: 3.1 }), spread: { cpuUs: 0.3 } }, ...RUN.slice(1)];
  t.equal(verdicts(noisy)[ratio], "same", "24 % is within a spread of 30 %");
  t.same(compare(results(RUN), results([])), []);

  t.match(
    comparisonText(compare(results(RUN), results(ours({ cpuUs: 5 })))),
    /^Worse:\n {2}1x100: server CPU.*100 % worse/,
  );
});
