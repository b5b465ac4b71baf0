import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child, freePort, makeTempDir, removeTempDir, startNats } from "@madang/local-stack";
import { answering } from "./answering.ts";
import { MissingError, type Peer, Processes, type System } from "./peer.ts";

const READY_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 5000;

/** Centrifugo with its NATS broker: it stores no message, so no acknowledgement waits for a store. */
async function start(): Promise<System> {
  const binary = process.env["CENTRIFUGO_BIN"] || "centrifugo";
  if (spawnSync(binary, ["version"]).status !== 0) {
    throw new MissingError(
      "Centrifugo is not installed: go install github.com/centrifugal/centrifugo/v6@v6.9.1, then CENTRIFUGO_BIN=<its path>",
    );
  }
  const processes = new Processes();
  const nats = await processes.add(startNats());
  const port = await freePort();
  const dir = makeTempDir("centrifugo");
  const config = {
    http_server: { address: "127.0.0.1", port },
    log: { level: "error" },
    broker: { enabled: true, type: "nats", nats: { url: nats.url } },
    // Every client has all rights without a token.
    client: { insecure: true, allowed_origins: ["*"], channel_limit: 1000 },
    usage_stats: { disabled: true },
    health: { enabled: true },
  };
  writeFileSync(join(dir, "config.json"), JSON.stringify(config));
  await processes.add(
    Child.start({
      name: "centrifugo",
      command: binary,
      args: ["--config", join(dir, "config.json")],
      port,
      url: `http://127.0.0.1:${port}`,
      logFile: join(dir, "centrifugo.log"),
      ready: answering(`http://127.0.0.1:${port}/health`),
      readyLimitMs: READY_LIMIT_MS,
      stopLimitMs: STOP_LIMIT_MS,
      cleanUp: () => removeTempDir(dir),
    }),
  );
  return { addresses: [`127.0.0.1:${port}`], processes: processes.started, stop: () => processes.stop() };
}

export const centrifugo: Peer = { name: "centrifugo", title: "Centrifugo + NATS", wire: "centrifugo", start };
