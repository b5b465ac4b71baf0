import { type ChildProcess, type ForkOptions, fork } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

const LOWEST = constants.priority.PRIORITY_LOW;
/** Who is not root may change a session's share ten times a second. */
const RETRY_MS = 110;
const ATTEMPTS = 10;

/**
 * Forks a process that takes only the processor time that nobody else wants: for clients that in life have machines of
 * their own, beside servers that are measured. It gets a session of its own, since Linux divides the processor among
 * sessions first (autogroups) and looks at a process's nice value only within one. It has to end itself when it is
 * disconnected from its parent.
 */
export async function forkIdle(
  entry: string,
  args: readonly string[],
  options: ForkOptions = {},
): Promise<ChildProcess> {
  const child = fork(entry, args, { ...options, detached: true });
  setPriority(child.pid!, LOWEST);
  const share = `/proc/${child.pid}/autogroup`;
  if (!existsSync(share)) return child;
  for (let attempt = 1; ; attempt++) {
    try {
      writeFileSync(share, `${LOWEST}`);
      return child;
    } catch (error) {
      if (attempt === ATTEMPTS) {
        child.kill("SIGKILL");
        throw error;
      }
      await delay(RETRY_MS);
    }
  }
}
