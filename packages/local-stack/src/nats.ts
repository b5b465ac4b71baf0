import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findBinary } from "./binaries.ts";
import { Child } from "./child.ts";
import { withPort } from "./ports.ts";
import { makeTempDir, removeTempDir } from "./temp-dir.ts";
import { greets, until } from "./wait.ts";

export interface NatsOptions {
  /** 0 or absent: a free port. */
  readonly port?: number;
  /** Directory of the configuration and the streams. Absent: a temporary one, removed at stop. */
  readonly dir?: string;
  /** "always" (fsync before each acknowledgement) or a period such as "1s". Default: the server's own, 2 minutes. */
  readonly sync?: string;
  /** Appended to the server's configuration. */
  readonly configText?: string;
  readonly args?: readonly string[];
  readonly name?: string;
  readonly logFile?: string;
}

const READY_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;

/** Starts a nats-server with JetStream on loopback. Resolves when it accepts connections. */
export async function startNats(options: NatsOptions = {}): Promise<Child> {
  const binary = await findBinary("nats-server");
  return withPort(options.port, (port) => {
    const dir = options.dir ?? makeTempDir("nats");
    mkdirSync(dir, { recursive: true });
    const name = options.name ?? "nats-server";
    const configFile = join(dir, "nats.conf");
    writeFileSync(
      configFile,
      [
        `server_name: ${JSON.stringify(name)}`,
        `listen: "127.0.0.1:${port}"`,
        `jetstream { store_dir: ${JSON.stringify(dir)}${options.sync ? `, sync_interval: ${options.sync}` : ""} }`,
        options.configText ?? "",
        "",
      ].join("\n"),
    );
    return Child.start({
      name,
      command: binary,
      args: ["-c", configFile, ...(options.args ?? [])],
      port,
      url: `nats://127.0.0.1:${port}`,
      logFile: options.logFile ?? join(dir, "nats.log"),
      ready: (signal) => until(signal, () => greets("127.0.0.1", port, "INFO ")),
      readyLimitMs: READY_LIMIT_MS,
      stopLimitMs: options.dir ? STOP_LIMIT_MS : 0,
      ...(options.dir ? {} : { cleanUp: () => removeTempDir(dir) }),
    });
  });
}
