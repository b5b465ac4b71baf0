import { setTimeout as delay } from "node:timers/promises";
import { type Child, type Exit, startMongod, startNats, startNatsCluster, startService } from "@madang/local-stack";
import { FaultyProxy } from "./proxy.ts";

/** Short for a test, but still spread over some time. */
const DRAIN_MS = "1500";
const START_LIMIT_MS = 60_000;

export const PARTS = ["edge", "persistence", "nats", "mongod"] as const;
export type Part = (typeof PARTS)[number];

export interface WorldOptions {
  readonly edges?: number;
  readonly persistences?: number;
  /** Connects the first edge to NATS through a proxy that can drop bytes. */
  readonly proxied?: boolean;
  /** Added to the configuration of nats-server. */
  readonly natsConfig?: string;
  /** Number of NATS servers. Several form a cluster, each with a copy of the log. */
  readonly natsServers?: number;
  /** Added to the environment of the edges. */
  readonly edgeEnv?: NodeJS.ProcessEnv;
}

/** A complete Madang as real processes on loopback. Each process can be killed, stopped and restarted. */
export class World {
  readonly natsServers: readonly Child[];
  readonly mongod: Child;
  readonly persistences: readonly Child[];
  readonly edges: readonly Child[];
  readonly proxy: FaultyProxy | undefined;
  #turn = 0;
  /** Edges that are down, stopping or starting. */
  readonly #unavailable = new Set<Child>();

  private constructor(
    natsServers: readonly Child[],
    mongod: Child,
    persistences: readonly Child[],
    edges: readonly Child[],
    proxy: FaultyProxy | undefined,
  ) {
    this.natsServers = natsServers;
    this.mongod = mongod;
    this.persistences = persistences;
    this.edges = edges;
    this.proxy = proxy;
  }

  static async start(options: WorldOptions = {}): Promise<World> {
    const [nats, mongod] = await Promise.all([startLog(options), startMongod()]);
    const proxy = options.proxied ? await FaultyProxy.start(nats[0]!.port) : undefined;
    const log = { NATS_URL: urlOf(nats), LOG_REPLICAS: String(nats.length) };
    const persistences = await Promise.all(
      numbered(options.persistences ?? 2).map((number) =>
        startService("persistence", {
          name: `persistence-${number}`,
          env: { ...log, MONGODB_URL: mongod.url },
          readyLimitMs: START_LIMIT_MS,
        }),
      ),
    );
    const edges = await Promise.all(
      numbered(options.edges ?? 2).map((number) =>
        startService("edge", {
          name: `edge-${number}`,
          env: {
            ...log,
            ...(proxy && number === 1 ? { NATS_URL: `nats://127.0.0.1:${proxy.port}` } : {}),
            PERSISTENCE_URL: persistences.map(({ url }) => url).join(","),
            DRAIN_MS,
            ...options.edgeEnv,
          },
          readyLimitMs: START_LIMIT_MS,
        }),
      ),
    );
    return new World(nats, mongod, persistences, edges, proxy);
  }

  /** The only NATS server, or the first one. */
  get nats(): Child {
    return this.natsServers[0]!;
  }

  /** The URLs of all NATS servers, comma-separated. */
  get natsUrl(): string {
    return urlOf(this.natsServers);
  }

  /** The processes of one part. */
  children(part: Part): readonly Child[] {
    return { edge: this.edges, persistence: this.persistences, nats: this.natsServers, mongod: [this.mongod] }[part];
  }

  /** The URL for the next client: the edges that are ready take turns, as behind a load balancer. */
  dial(path = "/ws"): string {
    const ready = this.edges.filter((edge) => !this.#unavailable.has(edge));
    const edges = ready.length > 0 ? ready : this.edges;
    return edges[this.#turn++ % edges.length]!.url.replace("http:", "ws:") + path;
  }

  /** Kills a process and restarts it after `downMs`. Resolves when it is ready again. */
  async kill(child: Child, downMs: number): Promise<void> {
    this.#unavailable.add(child);
    await child.kill("SIGKILL");
    await delay(downMs);
    await child.restart();
    this.#unavailable.delete(child);
  }

  /** Stops a process by SIGTERM and restarts it. @returns its exit */
  async drain(child: Child): Promise<Exit> {
    this.#unavailable.add(child);
    await child.kill("SIGTERM");
    const exit = await child.exited;
    await child.restart();
    this.#unavailable.delete(child);
    return exit;
  }

  /** Halts a process for `ms`. To the others it looks like a network that drops all bytes. */
  async pause(child: Child, ms: number): Promise<void> {
    await child.kill("SIGSTOP");
    await delay(ms);
    await child.kill("SIGCONT");
  }

  /** Ends every process. */
  async stop(): Promise<void> {
    await Promise.all([...this.edges, ...this.persistences].map((child) => child.stop()));
    await Promise.all([...this.natsServers, this.mongod, this.proxy].map((part) => part?.stop()));
  }
}

function numbered(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** As in production, NATS calls fsync before each acknowledgement. */
async function startLog({ natsServers = 1, natsConfig }: WorldOptions): Promise<Child[]> {
  const options = { sync: "always", ...(natsConfig ? { configText: natsConfig } : {}) };
  return natsServers > 1 ? startNatsCluster(natsServers, options) : [await startNats(options)];
}

function urlOf(servers: readonly Child[]): string {
  return servers.map(({ url }) => url).join(",");
}
