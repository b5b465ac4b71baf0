import { setTimeout as delay } from "node:timers/promises";
import { type Child, type Exit, startMongod, startNats, startNatsCluster, startService } from "@madang/local-stack";
import { SwallowingProxy } from "./proxy.ts";

/** A drain in the middle of a test is to be short, and still spread. */
const DRAIN_MS = "1500";
const START_LIMIT_MS = 60_000;

export const PARTS = ["edge", "persistence", "nats", "mongod"] as const;
export type Part = (typeof PARTS)[number];

export interface WorldOptions {
  readonly edges?: number;
  readonly persistences?: number;
  /** The first edge reaches NATS through a proxy that can swallow bytes. */
  readonly proxied?: boolean;
  /** Added to the configuration of nats-server. */
  readonly natsConfig?: string;
  /** Servers of NATS; more than one are a cluster, each with a copy of the log. */
  readonly natsServers?: number;
  /** Added to the environment of the edges. */
  readonly edgeEnv?: NodeJS.ProcessEnv;
}

/** All of Madang as real processes on loopback, each of which can be killed, stopped and started again. */
export class World {
  readonly natsServers: readonly Child[];
  readonly mongod: Child;
  readonly persistences: readonly Child[];
  readonly edges: readonly Child[];
  readonly proxy: SwallowingProxy | undefined;
  #turn = 0;
  /** Edges that are known to be down, or on their way down or up. */
  readonly #away = new Set<Child>();

  private constructor(
    natsServers: readonly Child[],
    mongod: Child,
    persistences: readonly Child[],
    edges: readonly Child[],
    proxy: SwallowingProxy | undefined,
  ) {
    this.natsServers = natsServers;
    this.mongod = mongod;
    this.persistences = persistences;
    this.edges = edges;
    this.proxy = proxy;
  }

  static async start(options: WorldOptions = {}): Promise<World> {
    const [nats, mongod] = await Promise.all([startLog(options), startMongod()]);
    const proxy = options.proxied ? await SwallowingProxy.start(nats[0]!.port) : undefined;
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

  /** The one server of NATS, or the first of them. */
  get nats(): Child {
    return this.natsServers[0]!;
  }

  /** All servers of NATS, comma-separated. */
  get natsUrl(): string {
    return urlOf(this.natsServers);
  }

  /** The processes of one part. */
  children(part: Part): readonly Child[] {
    return { edge: this.edges, persistence: this.persistences, nats: this.natsServers, mongod: [this.mongod] }[part];
  }

  /** Where the next client goes: in turn to the edges that are ready, as a load balancer does. */
  dial(path = "/ws"): string {
    const ready = this.edges.filter((edge) => !this.#away.has(edge));
    const edges = ready.length > 0 ? ready : this.edges;
    return edges[this.#turn++ % edges.length]!.url.replace("http:", "ws:") + path;
  }

  /** SIGKILL, some time of absence, and a new life. Resolves when it serves again. */
  async kill(child: Child, downMs: number): Promise<void> {
    this.#away.add(child);
    await child.kill("SIGKILL");
    await delay(downMs);
    await child.restart();
    this.#away.delete(child);
  }

  /** SIGTERM, an ordered leave, and a new life. @returns how it left */
  async drain(child: Child): Promise<Exit> {
    this.#away.add(child);
    await child.kill("SIGTERM");
    const exit = await child.exited;
    await child.restart();
    this.#away.delete(child);
    return exit;
  }

  /** SIGSTOP, and SIGCONT after `ms`: to the others it looks like a network that swallows everything. */
  async pause(child: Child, ms: number): Promise<void> {
    await child.kill("SIGSTOP");
    await delay(ms);
    await child.kill("SIGCONT");
  }

  /** Ends every process, whatever its state. */
  async stop(): Promise<void> {
    await Promise.all([...this.edges, ...this.persistences].map((child) => child.stop()));
    await Promise.all([...this.natsServers, this.mongod, this.proxy].map((part) => part?.stop()));
  }
}

function numbered(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** As in production: acknowledged means fsynced. */
async function startLog({ natsServers = 1, natsConfig }: WorldOptions): Promise<Child[]> {
  if (natsServers > 1) return startNatsCluster(natsServers, { sync: "always" });
  return [await startNats({ sync: "always", ...(natsConfig ? { configText: natsConfig } : {}) })];
}

function urlOf(servers: readonly Child[]): string {
  return servers.map(({ url }) => url).join(",");
}
