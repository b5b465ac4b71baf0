import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "@madang/test-kit";
import t from "tap";
import { LogView, readable } from "../src/log-view.ts";
import { tempDir } from "./helpers.ts";

t.test("warnings and errors of a log are shown as text", async (t) => {
  const cases: [string, string | undefined][] = [
    ['{"level":30,"name":"edge","msg":"listening"}', undefined],
    ['{"level":40,"name":"edge","msg":"NATS is gone"}', "warning: NATS is gone"],
    ['{"level":40,"error":"origin https://a.example","msg":"refused"}', "warning: refused (origin https://a.example)"],
    ['{"level":40,"reason":"invalid text","msg":"dead letters"}', "warning: dead letters (invalid text)"],
    ['{"level":50,"msg":"request failed","err":{"message":"boom"}}', "error: request failed (boom)"],
    ['{"t":{},"s":"I","msg":"Waiting for connections"}', undefined],
    ['{"t":{},"s":"E","msg":"DBException","attr":{"code":1}}', 'DBException {"code":1}'],
    ["[7] 2026/01/02 03:04:05.678901 [INF] Server is ready", undefined],
    ["[7] 2026/01/02 03:04:05.678901 [WRN] Slow consumer", "Slow consumer"],
    ["TypeError: x is not a function", "TypeError: x is not a function"],
    ["{broken", "{broken"],
    ["", undefined],
  ];
  for (const [line, shown] of cases) t.equal(readable(line), shown, line);
});

t.test("a log is followed line by line, and cannot control the terminal", async (t) => {
  const file = join(tempDir(t), "a.log");
  writeFileSync(file, "first\nhal");
  const shown: string[] = [];
  const view = new LogView("edge-1", file, false, (line) => shown.push(line));
  t.same(shown, ["edge-1: first"]);
  appendFileSync(file, "f 수다방\n\u001b[2Jclear\n");
  await eventually(() => shown.length === 3);
  t.same(shown.slice(1), ["edge-1: half 수다방", "edge-1:  [2Jclear"]);
  appendFileSync(file, "last\n");
  view.close();
  t.equal(shown.at(-1), "edge-1: last", "lines before the close are shown");
});
