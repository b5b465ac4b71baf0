import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";

export const STAND_IN = join(import.meta.dirname, "fixtures/stand-in.ts");

/** Whether the process exists. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A directory that is removed after the test. */
export function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "madang-test-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const CLI = join(import.meta.dirname, "../src/cli.ts");

export interface Run {
  readonly process: ChildProcess;
  readonly output: () => string;
  /** The exit code, once the process has ended and all of its output has arrived. */
  readonly code: Promise<number | null>;
}

/** Runs the command of `npm start`. Of this process's environment it inherits only PATH and HOME. */
export function startCli(t: Test, env: NodeJS.ProcessEnv, args: readonly string[] = []): Run {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
  t.teardown(() => child.kill("SIGKILL"));
  return { process: child, output: () => output, code: once(child, "close").then(([code]) => code as number | null) };
}
