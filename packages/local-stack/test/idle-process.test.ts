import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { constants, getPriority } from "node:os";
import t from "tap";
import { forkIdle, keepChildrenInSession, startProcess } from "../src/index.ts";
import { eventually, STAND_IN } from "./helpers.ts";

/** Of `sched(7)`: SCHED_IDLE. */
const IDLE_POLICY = 5;

t.test("an idle process takes only the time that nobody else wants", async (t) => {
  const child = forkIdle(STAND_IN, []);
  const ended = once(child, "exit");
  t.teardown(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  if (!existsSync("/proc/self/stat")) return t.equal(getPriority(child.pid!), constants.priority.PRIORITY_LOW);
  // Until then it is the command that puts it there.
  await eventually(() => stat(child.pid!).name.startsWith("node"));
  t.equal(stat(child.pid!).policy, IDLE_POLICY);
});

t.test("and those who are served first have to be where it is", { skip: !existsSync("/proc/self/stat") }, async (t) => {
  const apart = await startProcess({ name: "apart", entry: STAND_IN });
  t.teardown(() => apart.stop());
  keepChildrenInSession();
  const beside = await startProcess({ name: "beside", entry: STAND_IN });
  t.teardown(() => beside.stop());
  const idle = forkIdle(STAND_IN, []);
  const ended = once(idle, "exit");
  t.teardown(async () => {
    idle.kill("SIGKILL");
    await ended;
  });
  t.equal(stat(apart.pid).session, apart.pid);
  t.equal(stat(beside.pid).session, stat(process.pid).session);
  t.equal(stat(idle.pid!).session, stat(process.pid).session);
});

/** Of `proc(5)`. */
function stat(pid: number) {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    name: text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")),
    session: Number(fields[3]),
    policy: Number(fields[38]),
  };
}
