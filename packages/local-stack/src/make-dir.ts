import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a directory, and those above it, where they are missing. Node's own `recursive` never ends where a directory above can
 * neither be found nor be made, as in `/proc`.
 * @throws the system's error for the first of them that cannot be made
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
