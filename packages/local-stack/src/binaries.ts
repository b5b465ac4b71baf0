import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

export type BinaryName = "nats-server" | "mongod";

/** The cache of this checkout. */
const CACHE_DIR = join(import.meta.dirname, "../../../.cache/bin");

/** The path of a server's binary. */
export async function findBinary(name: BinaryName): Promise<string> {
  for (const dir of [...(process.env["PATH"] ?? "").split(delimiter), CACHE_DIR]) {
    const path = join(dir, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  throw new Error(`${name} was not found.`);
}
