import { type ChildProcess, type ForkOptions, fork, spawnSync } from "node:child_process";
import { constants, setPriority } from "node:os";

/** Of util-linux: runs a command in the scheduling class that gives way to every other at once. Linux only. */
const IDLE_CLASS = ["chrt", "--idle", "0"] as const;

/**
 * Forks a process that takes only the processor time that nobody else wants: for clients that in life have machines of
 * their own, beside servers that are measured. Who is only nice keeps the core for what is left of its slice when somebody
 * else wakes up; who is idle does not. But that counts only among those of a session: the servers have to be in ours
 * (`keepChildrenInSession`). Where there is no such class it is a niceness. The process has to end itself when it is
 * disconnected from its parent.
 */
export function forkIdle(entry: string, args: readonly string[], options: ForkOptions = {}): ChildProcess {
  const [command, ...rest] = IDLE_CLASS;
  if (spawnSync(command, [...rest, "true"]).status === 0) {
    return fork(entry, args, { ...options, execPath: command, execArgv: [...rest, process.execPath] });
  }
  const child = fork(entry, args, options);
  setPriority(child.pid!, constants.priority.PRIORITY_LOW);
  return child;
}
