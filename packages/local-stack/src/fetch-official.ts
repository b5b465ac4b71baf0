import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream, renameSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { promisify } from "node:util";
import { Progress } from "./progress.ts";

const run = promisify(execFile);

const NATS_VERSION = "2.15.1";
const NATS_RELEASE = `https://github.com/nats-io/nats-server/releases/download/v${NATS_VERSION}`;
const MONGODB_DOWNLOADS = "https://fastdl.mongodb.org";
/** A network that drops packets must not delay the first start: a host that has not answered by then is skipped. */
const REACH_LIMIT_MS = 3000;
const DOWNLOAD_LIMIT_MS = 300_000;

/** Uses the proxy that the environment names (`HTTPS_PROXY`). */
http.setGlobalProxyFromEnv();

/** Fetches nats-server from its release archive, and compares it with the SHA-256 sum that the release publishes. */
export async function fetchNats(dir: string): Promise<string> {
  const platform = { linux: "linux", darwin: "darwin" }[process.platform as string];
  const arch = { x64: "amd64", arm64: "arm64" }[process.arch as string];
  if (!platform || !arch) throw new Error(`no archive for ${process.platform} ${process.arch}`);
  const name = `nats-server-v${NATS_VERSION}-${platform}-${arch}`;
  const sums = await (await reach(`${NATS_RELEASE}/SHA256SUMS`)).text();
  const expected = sums
    .split("\n")
    .find((line) => line.endsWith(` ${name}.tar.gz`))
    ?.split(" ")[0];
  const archive = join(dir, `${name}.tar.gz`);
  const sum = await download(`${NATS_RELEASE}/${name}.tar.gz`, archive, `nats-server ${NATS_VERSION}`);
  if (sum !== expected) throw new Error("the archive does not match the SHA-256 sum of the release");
  await run("tar", ["-xzf", archive, "-C", dir]);
  return join(dir, name, "nats-server");
}

/** Fetches mongod by mongodb-memory-server's downloader, which knows the build for each system and checks its sum. */
export async function fetchMongod(dir: string): Promise<string> {
  await (await reach(MONGODB_DOWNLOADS)).body?.cancel();
  // The downloader reads these variables. Without the last one it does not verify the server's certificate.
  process.env["MONGOMS_PREFER_GLOBAL_PATH"] = "false";
  process.env["MONGOMS_MAX_RETRIES"] = "1";
  process.env["npm_config_strict_ssl"] = "true";
  const { MongoBinary } = await import("mongodb-memory-server-core");
  const path = await MongoBinary.getPath({ downloadDir: dir, checkMD5: true });
  const binary = join(dir, "mongod");
  renameSync(path, binary);
  return binary;
}

/** Returns the response, whatever its status. @throws Error with a short reason when there is none */
async function reach(url: string): Promise<Response> {
  const abort = new AbortController();
  const limit = setTimeout(() => abort.abort(), REACH_LIMIT_MS);
  try {
    return await fetch(url, { signal: abort.signal });
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code;
    throw new Error(`${new URL(url).host} cannot be reached (${cause ?? "no answer"})`);
  } finally {
    clearTimeout(limit);
  }
}

/** Downloads the URL into a file. @returns the file's SHA-256 */
async function download(url: string, path: string, label: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_LIMIT_MS) });
  if (!response.ok || !response.body) throw new Error(`${new URL(url).host} answered ${response.status}`);
  const progress = new Progress(label, Number(response.headers.get("content-length") ?? 0));
  const hash = createHash("sha256");
  await pipeline(
    Readable.fromWeb(response.body as ReadableStream),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        progress.add(chunk.length);
        yield chunk;
      }
    },
    createWriteStream(path),
  ).finally(() => progress.end());
  return hash.digest("hex");
}
