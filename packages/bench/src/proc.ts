/** CPU time and memory of processes, from Linux's /proc. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

export interface Usage {
  /** CPU time in seconds since the process started, including its children. */
  readonly cpuS: number;
  /** Resident memory in bytes. */
  readonly rssBytes: number;
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Clock ticks of the process and of its children that have ended. */
  readonly ticks: number;
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command name stands in parentheses and may contain any character.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
    return { pid, parent: Number(fields[1]), ticks };
  } catch {
    return undefined;
  }
}

function rssBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Returns the usage of each process and its descendants; 0 for a process that has ended. */
export function usageOf(pids: readonly number[]): Usage[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== undefined);
  const tree = (pid: number): Stat[] => [
    ...all.filter((stat) => stat.pid === pid),
    ...all.filter((stat) => stat.parent === pid).flatMap((stat) => tree(stat.pid)),
  ];
  return pids.map((pid) => {
    const family = tree(pid);
    return {
      cpuS: family.reduce((sum, { ticks }) => sum + ticks, 0) / TICKS_PER_SECOND,
      rssBytes: family.reduce((sum, stat) => sum + rssBytes(stat.pid), 0),
    };
  });
}
