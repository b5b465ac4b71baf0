import { join } from "node:path";
import { type Child, freePort, startMongod, startNats, startService } from "@madang/local-stack";
import { STALL_MARK } from "./stall-probe.ts";

const PROBES = ["stall-probe.ts", "garbage-probe.ts"].map((file) => join(import.meta.dirname, file));
/** A level of pino: lower levels report no fault. */
const ERROR_LEVEL = 50;

interface NatsState {
  readonly total_connections: number;
  readonly slow_consumers: number;
}

/** A complete system to fuzz or attack, and the damage that it took. */
export class System {
  readonly edge: Child;
  readonly persistence: Child;
  readonly #children: readonly Child[];
  readonly #monitor: string;
  #before: NatsState | undefined;
  /** Output during the start does not count: loading modules blocks the event loop. */
  readonly #outputBefore: ReadonlyMap<Child, number>;
  readonly #pids: readonly (number | undefined)[];

  private constructor(children: readonly Child[], persistence: Child, edge: Child, monitor: string) {
    this.#children = children;
    this.persistence = persistence;
    this.edge = edge;
    this.#monitor = monitor;
    this.#outputBefore = new Map([edge, persistence].map((service) => [service, service.output().length]));
    this.#pids = children.map(({ pid }) => pid);
  }

  /** @param edgeEnv settings of the edge */
  static async start(edgeEnv: Readonly<Record<string, string>> = {}): Promise<System> {
    const monitorPort = await freePort();
    const started: Child[] = [];
    const start = async (child: Promise<Child>): Promise<Child> => {
      started.unshift(await child);
      return child;
    };
    const service = (name: "edge" | "persistence", env: NodeJS.ProcessEnv) =>
      start(
        startService(name, {
          name,
          nodeArgs: PROBES.flatMap((probe) => ["--import", probe]),
          env: { NATS_URL: nats.url, LOG_LEVEL: "info", DRAIN_MS: "0", ...env },
        }),
      );
    let nats: Child;
    try {
      nats = await start(startNats({ configText: `http: "127.0.0.1:${monitorPort}"` }));
      const mongod = await start(startMongod());
      const persistence = await service("persistence", { MONGODB_URL: mongod.url });
      const edge = await service("edge", { PERSISTENCE_URL: persistence.url, ...edgeEnv });
      const system = new System(started, persistence, edge, `http://127.0.0.1:${monitorPort}`);
      system.#before = await system.#natsState();
      return system;
    } catch (error) {
      for (const child of started) await child.stop();
      throw error;
    }
  }

  /** The faults inside the services, one line each. */
  async damage(): Promise<string[]> {
    const damage: string[] = [];
    for (const service of [this.edge, this.persistence]) {
      if (!(await fetch(`${service.url}/readyz`).catch(() => undefined))?.ok)
        damage.push(`${service.name} is not ready`);
      for (const line of service.output().slice(this.#outputBefore.get(service)).split("\n")) {
        if (line.includes(STALL_MARK)) damage.push(`${service.name}: ${line}`);
        else if (levelOf(line) >= ERROR_LEVEL) damage.push(`${service.name} logged: ${line}`);
      }
    }
    this.#children.forEach(({ name, pid }, index) => {
      if (pid !== this.#pids[index]) damage.push(`${name} crashed`);
    });
    const now = await this.#natsState();
    if (now.total_connections !== this.#before?.total_connections) damage.push("a service lost its connection to NATS");
    if (now.slow_consumers > 0) damage.push("NATS disconnected a slow consumer");
    return damage;
  }

  async stop(): Promise<void> {
    for (const child of this.#children) await child.stop();
  }

  async #natsState(): Promise<NatsState> {
    return (await (await fetch(`${this.#monitor}/varz`)).json()) as NatsState;
  }
}

function levelOf(line: string): number {
  if (!line.startsWith("{")) return line.trim() === "" || line.startsWith("(") ? 0 : ERROR_LEVEL;
  return (JSON.parse(line) as { level?: number }).level ?? 0;
}
