import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OperatorError } from "@madang/runtime";
import type { Child } from "./child.ts";
import { type FileLock, tryLock } from "./file-lock.ts";
import { LogView } from "./log-view.ts";
import { makeDir } from "./make-dir.ts";
import { startMongod } from "./mongod.ts";
import { startNats } from "./nats.ts";
import { portProblem } from "./ports.ts";
import { checkSettings, type ServiceName, startService } from "./service.ts";
import { misspeltSettings, type StackSettings } from "./settings.ts";
import { supervise } from "./supervisor.ts";
import { greets } from "./wait.ts";

/** A fault that the user of `npm start` can correct. */
class StackError extends OperatorError {}

const ROLES = ["edges", "persistences", "nats", "mongod"] as const;
type Role = (typeof ROLES)[number];

/** The clients leave before the services that they use stop. The log stops last. */
const STOP_ORDER: readonly Role[] = ["edges", "persistences", "mongod", "nats"];

/** A development system stops quickly: no other edge takes over its pages. */
const DRAIN_MS = "1000";
const MONGOD_CACHE_GB = 0.5;

/** The complete system on this machine. */
export class Stack {
  readonly #settings: StackSettings;
  readonly #say: (line: string) => void;
  #lock: FileLock | undefined;
  readonly #children: Record<Role, Child[]> = { edges: [], persistences: [], nats: [], mongod: [] };
  readonly #views: LogView[] = [];
  readonly #stopping = new AbortController();
  #stopped: Promise<void> | undefined;

  constructor(settings: StackSettings, say: (line: string) => void) {
    this.#settings = settings;
    this.#say = say;
  }

  /**
   * Starts everything, in order, and keeps it running. Resolves when a message can be sent.
   * @throws StackError, BinaryMissingError or StartError; the caller then calls `stop`
   */
  async start(): Promise<void> {
    const { dataDir, edgePorts, persistencePorts } = this.#settings;
    await this.#checkSettings();
    this.#lock = takeDir(dataDir);
    if (!this.#lock) {
      throw new StackError(`Madang already runs on ${dataDir}: stop it, or set DATA_DIR to another directory.`);
    }
    rmSync(this.#stateFile, { force: true });
    await requireFree(edgePorts, "PORT");
    await requireFree(persistencePorts, "PERSISTENCE_PORT");

    const [natsUrl, mongodbUrl] = await Promise.all([this.#nats(), this.#mongod()]);
    const shared = { NATS_URL: natsUrl, MONGODB_URL: mongodbUrl };
    const persistences = await Promise.all(
      persistencePorts.map((port, index) => this.#service("persistences", "persistence", index, port, shared)),
    );
    const env = { DRAIN_MS, ...process.env, ...shared, PERSISTENCE_URL: persistences.map(({ url }) => url).join(",") };
    await Promise.all(edgePorts.map((port, index) => this.#service("edges", "edge", index, port, env)));
    this.#writeState();
  }

  /** Stops everything, in order. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  get urls(): string[] {
    return this.#children.edges.map(({ url }) => `${url}/`);
  }

  async #stop(): Promise<void> {
    this.#stopping.abort();
    for (const role of STOP_ORDER) await Promise.all(this.#children[role].map((child) => child.stop()));
    for (const view of this.#views) view.close();
    if (this.#lock) rmSync(this.#stateFile, { force: true });
    this.#lock?.release();
  }

  /** Finds every invalid setting before any server starts, also those that only the services read. */
  async #checkSettings(): Promise<void> {
    const { edgePorts, persistencePorts } = this.#settings;
    const PERSISTENCE_URL = `http://127.0.0.1:${persistencePorts[0]}`;
    const checks = await Promise.all([
      checkSettings("edge", { PORT: String(edgePorts[0]), PERSISTENCE_URL }),
      checkSettings("persistence", { PORT: String(persistencePorts[0]) }),
    ]);
    const warnings = new Set([...misspeltSettings(process.env), ...checks.flatMap((check) => check.warnings)]);
    for (const warning of warnings) this.#say(`warning: ${warning}`);
    const refusal = checks.map((check) => check.refusal).find(Boolean);
    if (refusal) throw new StackError(refusal);
  }

  async #nats(): Promise<string> {
    const { natsUrl, natsSync, dataDir } = this.#settings;
    if (natsUrl) return requireServer("NATS_URL", natsUrl, 4222);
    const options = { dir: join(dataDir, "nats"), sync: natsSync, logFile: this.#logFile("nats") };
    return this.#keep("nats", await startNats(options)).url;
  }

  async #mongod(): Promise<string> {
    const { mongodbUrl, dataDir } = this.#settings;
    if (mongodbUrl) return requireServer("MONGODB_URL", mongodbUrl, 27017);
    const options = { dir: join(dataDir, "mongod"), cacheGb: MONGOD_CACHE_GB, logFile: this.#logFile("mongod") };
    return this.#keep("mongod", await startMongod(options)).url;
  }

  async #service(
    role: Role,
    service: ServiceName,
    index: number,
    port: number,
    env: NodeJS.ProcessEnv,
  ): Promise<Child> {
    const name = `${service}-${index + 1}`;
    return this.#keep(role, await startService(service, { name, env, port, logFile: this.#logFile(name) }), index);
  }

  #keep(role: Role, child: Child, index = 0): Child {
    this.#children[role][index] = child;
    this.#views.push(new LogView(child.name, child.logFile, this.#settings.verbose, this.#say));
    this.#say(`${child.name} is ready (port ${child.port}, pid ${child.pid})`);
    void supervise(child, this.#stopping.signal, this.#say, () => this.#writeState());
    return child;
  }

  #logFile(name: string): string {
    return join(this.#settings.dataDir, "logs", `${name}.log`);
  }

  get #stateFile(): string {
    return join(this.#settings.dataDir, "stack.json");
  }

  /** Replaces the file as a whole: a reader never sees half of it. */
  #writeState(): void {
    if (this.#stopping.signal.aborted) return;
    const state = Object.fromEntries(
      ROLES.map((role) => [role, this.#children[role].map(({ pid, port }) => ({ pid, port }))]),
    );
    const temporary = `${this.#stateFile}.new`;
    writeFileSync(temporary, `${JSON.stringify(state)}\n`);
    renameSync(temporary, this.#stateFile);
  }
}

/** Creates the directory and locks it. @returns undefined when another system has locked it */
function takeDir(dataDir: string): FileLock | undefined {
  try {
    makeDir(join(dataDir, "logs"));
    return tryLock(join(dataDir, "lock"));
  } catch (error) {
    throw new StackError(
      `${dataDir} cannot be written (${(error as Error).message}): set DATA_DIR to another directory.`,
    );
  }
}

async function requireFree(ports: readonly number[], variable: string): Promise<void> {
  for (const port of ports) {
    const problem = await portProblem(port);
    if (!problem) continue;
    const state = problem === "EADDRINUSE" ? "is in use" : `cannot be used (${problem})`;
    throw new StackError(
      `Port ${port} ${state}: stop the process that listens there, or set ${variable} to another port.`,
    );
  }
}

/** Returns the URL if a server listens there. The services find out whether it is the right kind of server. */
async function requireServer(variable: string, url: string, defaultPort: number): Promise<string> {
  if (url.startsWith("mongodb+srv:")) return url;
  const hosts = url
    .replace(/^\w+:\/\//, "")
    .replace(/^[^@/]*@/, "")
    .split("/")[0]!
    .split(",");
  const answers = await Promise.all(
    hosts.map((host) => {
      const [, name = host, port] = /^(.*):(\d+)$/.exec(host) ?? [];
      return greets(name, Number(port ?? defaultPort)).catch(() => false);
    }),
  );
  if (answers.some(Boolean)) return url;
  throw new StackError(`No server answers at ${hosts.join(", ")}: start that server, or unset ${variable}.`);
}
