import t from "tap";
import { createTroubleLog } from "../src/trouble.ts";

t.test("each kind of trouble is told of at once, and what repeats is counted", async (t) => {
  const lines: unknown[][] = [];
  let now = 0;
  const onTrouble = createTroubleLog({ warn: (...line: unknown[]) => lines.push(line) }, () => now);
  for (let i = 0; i < 100; i++) for (const what of ["a waits", "b waits"]) onTrouble(what, new Error("away"));
  t.same(lines, [
    [{ error: "away", leftOut: 0 }, "a waits"],
    [{ error: "away", leftOut: 0 }, "b waits"],
  ]);
  now = 60_000;
  onTrouble("a waits", new Error("away"));
  t.same(lines.at(-1), [{ error: "away", leftOut: 99 }, "a waits"]);
});
