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
/** A network that swallows packets must not make a first start wait: who does not answer by then is passed over. */
const REACH_LIMIT_MS = 3000;
const DOWNLOAD_LIMIT_MS = 300_000;

/** Where the environment names a proxy (`HTTPS_PROXY`), it is used. */
http.setGlobalProxyFromEnv();

/** nats-server from the project's release archive, checked against the SHA-256 sums that the release publishes. */
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
  if (sum !== expected) throw new Error("the archive does not have the SHA-256 that the release publishes");
  await run("tar", ["-xzf", archive, "-C", dir]);
  return join(dir, name, "nats-server");
}

/** mongod by mongodb-memory-server's downloader, which knows the builds of each system and checks their sums. */
export async function fetchMongod(dir: string): Promise<string> {
  await (await reach(MONGODB_DOWNLOADS)).body?.cancel();
  // Its settings are environment variables. Without the last, it would not check the server's certificate.
  process.env["MONGOMS_PREFER_GLOBAL_PATH"] = "false";
  process.env["MONGOMS_MAX_RETRIES"] = "1";
  process.env["npm_config_strict_ssl"] = "true";
  const { MongoBinary } = await import("mongodb-memory-server-core");
  const path = await MongoBinary.getPath({ downloadDir: dir, checkMD5: true });
  const binary = join(dir, "mongod");
  renameSync(path, binary);
  return binary;
}

/** The response, whatever its status, or a short reason why there is none. */
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

/** Writes what the URL gives into a file. Returns its SHA-256. */
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
