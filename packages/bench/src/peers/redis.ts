import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { join } from "node:path";
import { Child, freePort, makeTempDir, removeTempDir, until } from "@madang/local-stack";
import { MissingError } from "./peer.ts";

const READY_LIMIT_MS = 10_000;

/** A redis-server without persistence, as a bus between processes. */
export async function startRedis(): Promise<Child> {
  if (spawnSync("redis-server", ["--version"]).status !== 0) {
    throw new MissingError("redis-server is not installed: apt-get install redis-server");
  }
  const port = await freePort();
  const dir = makeTempDir("redis");
  return Child.start({
    name: "redis-server",
    command: "redis-server",
    args: ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no"],
    port,
    url: `redis://127.0.0.1:${port}`,
    logFile: join(dir, "redis.log"),
    ready: (signal) => until(signal, () => accepts(port)),
    readyLimitMs: READY_LIMIT_MS,
    stopLimitMs: 0,
    cleanUp: () => removeTempDir(dir),
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
