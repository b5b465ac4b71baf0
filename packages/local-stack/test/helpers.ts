import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { until } from "../src/index.ts";

export const STAND_IN = join(import.meta.dirname, "fixtures/stand-in.ts");

/** Whether the process is there; a zombie is not. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits for a condition, for a minute at most (the machine may be busy). */
export function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  return until(AbortSignal.timeout(60_000), async () => condition());
}

/** A directory that goes with the test. */
export function tempDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), "madang-test-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
