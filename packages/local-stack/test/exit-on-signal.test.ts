import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { eventually } from "@madang/test-kit";
import t from "tap";
import { exists, tempDir } from "./helpers.ts";

for (const [signal, exitCode] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  t.test(`${signal} also ends the child processes, and leaves no directory behind`, async (t) => {
    const TMPDIR = tempDir(t);
    const parent = spawn(process.execPath, [join(import.meta.dirname, "fixtures/parent.ts")], {
      env: { ...process.env, TMPDIR },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.teardown(() => parent.kill("SIGKILL"));
    const [line] = (await once(createInterface(parent.stdout), "line")) as [string];
    const pids = JSON.parse(line) as number[];
    t.ok(readdirSync(TMPDIR).some((name) => name.startsWith("madang-nats-")));
    const exit = once(parent, "exit");
    parent.kill(signal);
    t.same(await exit, [exitCode, null]);
    await eventually(() => !pids.some(exists));
    t.same(
      readdirSync(TMPDIR).filter((name) => name.startsWith("madang-")),
      [],
    );
  });
}
