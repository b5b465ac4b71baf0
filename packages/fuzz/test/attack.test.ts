import t from "tap";
import { losses, table } from "../src/attack/report.ts";
import { runScenario } from "../src/attack/run.ts";
import { SCENARIOS } from "../src/attack/scenarios.ts";

t.test("all attacks at once, in a small form, cost honest members nothing", { timeout: 180_000 }, async (t) => {
  const all = SCENARIOS.find(({ name }) => name === "all")!;
  const result = await runScenario(
    { ...all, addresses: 2 },
    {
      seconds: 5,
      warmUpS: 0,
      recoveryS: 1,
      scale: 0.2,
      env: { REQUEST_LIMIT_MS: "1000", CONNECTIONS_PER_ADDRESS: "100", HISTORY_LIMIT: "20/60s" },
    },
  );
  t.comment(JSON.stringify(result));
  t.strictSame(losses(result), []);
  t.ok(result.calm.latency.count > 100 && result.during.latency.count > 100, "they chatted");
  t.ok(result.during.newcomers.count > 0, "and others came");
  // Of each attack, what ends it.
  const answers = [
    "HTTP 400",
    "HTTP 408",
    "HTTP 415",
    "HTTP 429",
    "closed 1002",
    "closed 1008",
    "closed 3013",
    "rate_limited",
    "cut",
  ];
  for (const answer of answers) t.ok((result.attack.answered[answer] ?? 0) > 0, answer);

  const slower = (times: number) => {
    const latency = { ...result.during.latency, p99Ms: result.busy.latency.p99Ms * times };
    return { ...result, during: { ...result.during, latency } };
  };
  const line = (...runs: (typeof result)[]) => table([runs]).split("\n")[2]!;
  t.match(line(slower(3), slower(1), slower(1.5)), "(×1.0, ×1.5, ×3.0)", "of many runs each is told");
  t.notMatch(line(slower(3), slower(1), slower(1.5)), "slower", "and the one in the middle counts");
  t.match(line(slower(3), slower(1), slower(2.5)), "slower");
  const lossy = { ...slower(9), after: { ...result.after, lost: 1 } };
  t.match(line(slower(1), slower(1), lossy), "FAILED: 1 deliveries lost", "but of losses every one");
});
