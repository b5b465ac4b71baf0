import { readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import t from "tap";
import { favourEventLoop } from "../src/background-threads.ts";

const isLinux = process.platform === "linux";

t.test("V8's threads have a smaller share than the event loop, and nobody else has", (t) => {
  const before = getPriority(process.pid);
  const count = favourEventLoop();
  t.equal(getPriority(process.pid), before);
  if (!isLinux) {
    t.equal(count, 0);
    return t.end();
  }
  t.ok(count > 0);
  for (const thread of readdirSync("/proc/self/task")) {
    const name = readFileSync(`/proc/self/task/${thread}/comm`, "utf8").trim();
    t.equal(getPriority(Number(thread)), name.includes("V8Worker") ? 10 : before, name);
  }
  t.end();
});
