import { spawnSync } from "node:child_process";

const prefix: readonly string[] =
  process.platform === "linux" && spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status === 0
    ? ["setpriv", "--pdeathsig", "KILL"]
    : [];

/** Whether the kernel ends the child processes together with this process, even after SIGKILL (Linux with `setpriv`). */
export const tethers: boolean = prefix.length > 0;

/** Returns a command line for a process that dies with its parent, where the system supports that. */
export function tethered(command: string, args: readonly string[]): [string, string[]] {
  const [program, ...rest] = [...prefix, command, ...args];
  return [program!, rest];
}
