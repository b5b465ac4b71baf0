import t from "tap";
import { createFailureLog } from "../src/failure-log.ts";

t.test("the first failure of each kind is logged at once, and repetitions are counted", async (t) => {
  const lines: unknown[][] = [];
  let now = 0;
  const onFailure = createFailureLog({ warn: (...line: unknown[]) => lines.push(line) }, () => now);
  for (let i = 0; i < 100; i++) for (const what of ["a waits", "b waits"]) onFailure(what, new Error("away"));
  t.same(lines, [
    [{ error: "away", leftOut: 0 }, "a waits"],
    [{ error: "away", leftOut: 0 }, "b waits"],
  ]);
  now = 60_000;
  onFailure("a waits", new Error("away"));
  t.same(lines.at(-1), [{ error: "away", leftOut: 99 }, "a waits"]);
});
