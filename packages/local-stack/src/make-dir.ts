import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Creates a directory and its missing parents. Node's own `recursive` option loops for ever where a parent can neither be
 * found nor created, as in `/proc`.
 * @throws the system's error for the first directory that cannot be created
 */
export function makeDir(path: string): void {
  const parent = dirname(path);
  if (!existsSync(parent)) makeDir(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
