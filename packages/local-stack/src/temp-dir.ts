import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const remaining = new Set<string>();
process.once("exit", () => [...remaining].forEach(removeTempDir));

/** A new directory; what is not removed by then goes when this process exits. */
export function makeTempDir(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `madang-${name}-`));
  remaining.add(dir);
  return dir;
}

/** Removes a directory with all that is in it; harmless when it is gone. */
export function removeTempDir(dir: string): void {
  remaining.delete(dir);
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
