import { type ChildProcess, type ForkOptions, fork, spawnSync } from "node:child_process";
import { constants, setPriority } from "node:os";

/** Of util-linux: runs a command in the scheduling class that gives way to every other at once. Linux only. */
const IDLE_CLASS = ["chrt", "--idle", "0"] as const;

/**
 * Forks a process that takes only the processor time that nobody else wants: for clients that in life have machines of
 * their own, beside servers that are measured. A niceness is not enough for that: who wakes up waits until the slice of
 * the nice one is over (some 3 ms), at each hop of a message. And the servers have to be in our session
 * (`keepChildrenInSession`). Where there is no such class it is a niceness nevertheless. The process has to
 * end itself when it is disconnected from its parent.
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
