import {
  type Child,
  type MongodOptions,
  type NatsOptions,
  type ProcessOptions,
  startService,
} from "@madang/local-stack";
import type { Scope } from "./scope.ts";
import { freshDatabase, mongodFor, NOWHERE, natsFor } from "./servers.ts";
import { JWT_ENV } from "./tokens.ts";

export interface SystemOptions {
  /** Default 1. */
  readonly edges?: number;
  /** Default 1. With 0 there is no mongod either, and the edges find no history. */
  readonly persistences?: number;
  /** Default "none". With "jwt" the services accept the tokens of {@link token}. */
  readonly auth?: "none" | "jwt";
  /** Settings of every service. */
  readonly env?: NodeJS.ProcessEnv;
  readonly nats?: NatsOptions;
  readonly mongod?: MongodOptions;
}

/** Options of one service; its own settings come after those of the system. */
export type ServiceOptions = Omit<ProcessOptions, "name" | "entry">;

/** Real servers and services as processes on loopback. */
export interface System {
  readonly nats: Child;
  /** @throws when the system was started without persistence */
  readonly mongod: Child;
  readonly edges: readonly Child[];
  readonly persistences: readonly Child[];
  /** The first of each. */
  readonly edge: Child;
  readonly persistence: Child;
  /** The settings that every service of this system has. */
  readonly env: NodeJS.ProcessEnv;
  startEdge(options?: ServiceOptions): Promise<Child>;
  startPersistence(options?: ServiceOptions): Promise<Child>;
}

/** Starts a system that ends with the test. Resolves when all of its services are ready. */
export async function startSystem(t: Scope, options: SystemOptions = {}): Promise<System> {
  const { edges: edgeCount = 1, persistences: persistenceCount = 1, auth = "none" } = options;
  const [log, store] = await Promise.all([
    natsFor(t, options.nats),
    persistenceCount > 0 ? mongodFor(t, options.mongod) : undefined,
  ]);
  const env = {
    NATS_URL: log.url,
    ...(store ? { MONGODB_URL: freshDatabase(store) } : {}),
    DRAIN_MS: "0",
    ...(auth === "jwt" ? JWT_ENV : {}),
    ...options.env,
  };
  const start = async (service: "edge" | "persistence", own: NodeJS.ProcessEnv, more: ServiceOptions) => {
    const child = await startService(service, { ...more, name: service, env: { ...env, ...own, ...more.env } });
    t.teardown(() => child.stop());
    return child;
  };
  const startPersistence = (more: ServiceOptions = {}) => start("persistence", {}, more);
  const persistences = await many(persistenceCount, startPersistence);
  const PERSISTENCE_URL = persistences.map(({ url }) => url).join() || NOWHERE;
  const startEdge = (more: ServiceOptions = {}) => start("edge", { PERSISTENCE_URL }, more);
  const edges = await many(edgeCount, startEdge);
  return {
    nats: log,
    get mongod() {
      if (!store) throw new Error("this system has no mongod");
      return store;
    },
    edges,
    persistences,
    edge: edges[0]!,
    persistence: persistences[0]!,
    env,
    startEdge,
    startPersistence,
  };
}

function many(count: number, start: () => Promise<Child>): Promise<Child[]> {
  return Promise.all(Array.from({ length: count }, () => start()));
}
