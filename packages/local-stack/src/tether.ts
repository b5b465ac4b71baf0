import { spawnSync } from "node:child_process";

const prefix: readonly string[] =
  process.platform === "linux" && spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status === 0
    ? ["setpriv", "--pdeathsig", "KILL"]
    : [];

/** Whether the kernel ends our children with us (Linux with `setpriv`), even when we are killed by SIGKILL. */
export const tethers: boolean = prefix.length > 0;

/** A command line under which the process dies with its parent, where the system has that. */
export function tethered(command: string, args: readonly string[]): [string, string[]] {
  const [program, ...rest] = [...prefix, command, ...args];
  return [program!, rest];
}
