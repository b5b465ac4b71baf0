import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { constants, getPriority } from "node:os";
import t from "tap";
import { forkIdle } from "../src/idle-process.ts";
import { STAND_IN } from "./helpers.ts";

t.test("an idle process takes only the time that nobody else wants, in a session of its own", async (t) => {
  const child = await forkIdle(STAND_IN, []);
  const ended = once(child, "exit");
  t.teardown(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const pid = child.pid!;
  t.equal(getPriority(pid), constants.priority.PRIORITY_LOW);
  if (!existsSync("/proc/self/stat")) return;
  const [, , session] = /\) \S (\d+) (\d+) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))!.slice(1);
  t.equal(Number(session), pid);
  const share = `/proc/${pid}/autogroup`;
  if (existsSync(share)) t.match(readFileSync(share, "utf8"), / nice 19$/m);
});
