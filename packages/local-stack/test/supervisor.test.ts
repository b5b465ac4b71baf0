import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "@madang/test-kit";
import t from "tap";
import { startProcess } from "../src/index.ts";
import { HEALTHY_AFTER_MS, supervise } from "../src/supervisor.ts";
import { tethers } from "../src/tether.ts";
import { answers } from "../src/wait.ts";
import { exists, STAND_IN, tempDir } from "./helpers.ts";

t.test("a child that dies is restarted, and a line says so", async (t) => {
  const child = await startProcess({ name: "stand-in", entry: STAND_IN });
  const stopping = new AbortController();
  const said: string[] = [];
  let back = 0;
  const done = supervise(
    child,
    stopping.signal,
    (line) => said.push(line),
    () => back++,
  );
  for (let round = 1; round <= 3; round++) {
    // Before the third kill it has served long enough for the backoff to start over.
    if (round === 3) await delay(HEALTHY_AFTER_MS);
    const pid = child.pid;
    await child.kill("SIGKILL");
    await eventually(() => back === round);
    t.not(child.pid, pid);
    t.ok(await answers(child.url));
    t.equal(said.length, 2 * round);
    const wait = round === 2 ? "" : "0.2 s";
    t.match(said.at(-2), `stand-in (pid ${pid}) was killed by SIGKILL: restarting it in ${wait}`);
    t.equal(said.at(-1), `stand-in is running again (pid ${child.pid})`);
  }
  stopping.abort();
  await child.stop();
  await done;
  t.notOk(exists(child.pid));
  t.equal(said.length, 6, "no line about the intended stop");
});

t.test("a child that cannot start is retried with a backoff until the signal", async (t) => {
  const child = await startProcess({ name: "stand-in", entry: STAND_IN });
  const stopping = new AbortController();
  const waits: number[] = [];
  const reasons: string[] = [];
  const say = (line: string) => {
    const wait = /restarting it in (\S+) s/.exec(line);
    if (wait) waits.push(Number(wait[1]));
    else reasons.push(line);
  };
  // Another server takes its port while it is down, so it cannot start.
  await child.kill("SIGKILL");
  const occupant = createServer().listen(child.port, "127.0.0.1");
  await once(occupant, "listening");
  t.teardown(() => occupant.close());
  const done = supervise(child, stopping.signal, say, () => t.fail("it cannot run"));
  await eventually(() => waits.length === 3);
  t.same(waits, [0.2, 0.4, 0.8]);
  t.match(reasons[0], /stand-in cannot listen on port \d+ \(EADDRINUSE\)/);
  stopping.abort();
  await child.stop();
  await done;
});

t.test(
  "children die with their parent, even by SIGKILL",
  { skip: !tethers && "needs Linux with setpriv" },
  async (t) => {
    const parent = spawn(process.execPath, [join(import.meta.dirname, "fixtures/parent.ts")], {
      stdio: ["ignore", "pipe", "inherit"],
      // A parent that is killed does not remove its temporary directories.
      env: { ...process.env, TMPDIR: tempDir(t) },
    });
    const [line] = (await once(createInterface(parent.stdout), "line")) as [string];
    const pids = JSON.parse(line) as number[];
    t.equal(pids.length, 2);
    t.ok(pids.every(exists));
    parent.kill("SIGKILL");
    await eventually(() => !pids.some(exists));
  },
);

t.test("a service that ends during its start is reported with its output", async (t) => {
  const start = startProcess({ name: "stand-in", entry: STAND_IN, env: { CRASH: "1" } });
  await t.rejects(start, {
    name: "StartError",
    message: "stand-in ended during its start (exit code 3).\ncannot start: CRASH is set",
  });
});
