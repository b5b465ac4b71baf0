import { execFile } from "node:child_process";
import { accessSync, chmodSync, constants, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";
import { OperatorError } from "@madang/runtime";
import { lock } from "./file-lock.ts";
import { makeDir } from "./make-dir.ts";
import type { BinaryName, Source } from "./source.ts";

const run = promisify(execFile);

export interface FindOptions {
  /** Receives progress, line by line. Default: standard error. */
  readonly say?: (line: string) => void;
  /** Default: {@link defaultCacheDir}. */
  readonly cacheDir?: string;
  readonly sources?: readonly Source[];
}

/** The binary is neither installed nor cached, and no source can be reached. */
export class BinaryMissingError extends OperatorError {
  constructor(name: BinaryName) {
    const variable = name === "mongod" ? "MONGODB_URL" : "NATS_URL";
    super(
      `${name} is missing: install it on PATH, or set ${variable} to a running one, or run this once with a network connection.`,
    );
  }
}

/**
 * Returns the path of a server's binary: from PATH, from the cache, or fetched into the cache from the first source that
 * works. Several processes may call this at the same time: only one of them downloads, the others wait and use the result.
 * @throws BinaryMissingError
 */
export async function findBinary(name: BinaryName, options: FindOptions = {}): Promise<string> {
  const onPath = (process.env["PATH"] ?? "").split(delimiter).find((dir) => dir && isExecutable(join(dir, name)));
  if (onPath) return join(onPath, name);
  const cacheDir = options.cacheDir ? resolve(options.cacheDir) : defaultCacheDir();
  const cached = join(cacheDir, "bin", name);
  if (isExecutable(cached)) return cached;

  const say = options.say ?? ((line) => process.stderr.write(`${line}\n`));
  makeCacheDir(cacheDir);
  const held = await lock(join(cacheDir, "lock"), () => say(`${name}: waiting for the download of another process`));
  try {
    if (isExecutable(cached)) return cached;
    const leftovers = readdirSync(cacheDir).filter((entry) => entry.startsWith(`${name}-`));
    for (const entry of leftovers) rmSync(join(cacheDir, entry), { recursive: true, force: true });
    say(`${name}: neither on PATH nor in ${join(cacheDir, "bin")}: fetching it once`);
    for (const source of options.sources ?? (await import("./sources.ts")).sourcesOf(name)) {
      const dir = mkdtempSync(join(cacheDir, `${name}-`));
      try {
        const path = await source.fetch(dir);
        chmodSync(path, 0o755);
        await checkRuns(path);
        renameSync(path, cached);
        say(`${name}: fetched from ${source.name}`);
        return cached;
      } catch (error) {
        say(`${name}: ${source.name} failed: ${(error as Error).message.split("\n")[0]}`);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    }
    throw new BinaryMissingError(name);
  } finally {
    held.release();
  }
}

function makeCacheDir(cacheDir: string): void {
  try {
    makeDir(join(cacheDir, "bin"));
    accessSync(cacheDir, constants.W_OK);
  } catch (error) {
    throw new OperatorError(
      `${cacheDir} cannot be written (${(error as Error).message}): set CACHE_DIR to another directory.`,
    );
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** `CACHE_DIR`, or `.cache` of this checkout. */
export function defaultCacheDir(): string {
  return resolve(process.env["CACHE_DIR"] || join(import.meta.dirname, "../../../.cache"));
}

/** Keeps a binary for another system, or one without its libraries, out of the cache. */
async function checkRuns(path: string): Promise<void> {
  await run(path, ["--version"]).catch((error: { stderr?: string; message: string }) => {
    throw new Error(`the binary does not run on this machine: ${error.stderr || error.message}`);
  });
}
