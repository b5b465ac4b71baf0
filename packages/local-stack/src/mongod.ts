import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findBinary } from "./binaries.ts";
import { Child } from "./child.ts";
import { becomePrimary, REPLICA_SET } from "./mongo-admin.ts";
import { withPort } from "./ports.ts";
import { makeTempDir, removeTempDir } from "./temp-dir.ts";
import { greets, until } from "./wait.ts";

export interface MongodOptions {
  /** 0 or absent: a free port. The same data may be served on another port later. */
  readonly port?: number;
  /** Directory of the data. Absent: a temporary one, removed at stop. */
  readonly dir?: string;
  readonly name?: string;
  readonly logFile?: string;
  /** Cache of the storage engine in GB; 0.25 or more. */
  readonly cacheGb?: number;
  /** Parameters of mongod (`--setParameter`), as `name=value`. */
  readonly parameters?: readonly string[];
}

const SMALLEST_CACHE_GB = 0.25;
const READY_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 15_000;

/** Starts a mongod on loopback as a replica set with one member. Resolves when it is primary. */
export async function startMongod(options: MongodOptions = {}): Promise<Child> {
  const binary = await findBinary("mongod");
  return withPort(options.port, (port) => {
    const dir = options.dir ?? makeTempDir("mongod");
    const dataDir = join(dir, "db");
    mkdirSync(dataDir, { recursive: true });
    return Child.start({
      name: options.name ?? "mongod",
      command: binary,
      args: [
        ...["--dbpath", dataDir, "--port", String(port), "--bind_ip", "127.0.0.1", "--nounixsocket"],
        ...["--replSet", REPLICA_SET, "--wiredTigerCacheSizeGB", String(options.cacheGb ?? SMALLEST_CACHE_GB)],
        // A set with one member cannot hand over: mongod need not wait after SIGTERM.
        ...["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"],
        ...(options.parameters ?? []).flatMap((parameter) => ["--setParameter", parameter]),
        ...["--setParameter", "diagnosticDataCollectionEnabled=false", "--quiet"],
      ],
      port,
      url: `mongodb://127.0.0.1:${port}/madang?replicaSet=${REPLICA_SET}`,
      logFile: options.logFile ?? join(dir, "mongod.log"),
      ready: async (signal) => {
        await until(signal, () => greets("127.0.0.1", port));
        await becomePrimary(port, signal);
      },
      readyLimitMs: READY_LIMIT_MS,
      stopLimitMs: options.dir ? STOP_LIMIT_MS : 0,
      ...(options.dir ? {} : { cleanUp: () => removeTempDir(dir) }),
    });
  });
}
