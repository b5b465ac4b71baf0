import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const remaining = new Set<string>();
process.once("exit", () => [...remaining].forEach(removeTempDir));

/** Creates a temporary directory. Directories that still exist are removed when this process exits. */
export function makeTempDir(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `madang-${name}-`));
  remaining.add(dir);
  return dir;
}

/** Removes a directory and its contents. Does nothing if it no longer exists. */
export function removeTempDir(dir: string): void {
  remaining.delete(dir);
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
