import { readFileSync } from "node:fs";
import type { Child } from "@madang/local-stack";

/** Resident memory of a process in MiB; needs Linux. */
export function residentMiB(child: Child): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
}
