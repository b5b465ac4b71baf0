import { DEFAULT_LOG_SETTINGS, type Gossip, type Log, openLog, type Rules } from "@madang/broker";
import { createLogger, type Logger } from "@madang/runtime";
import { eventually, NOWHERE, plain, type WireClient } from "@madang/test-kit";
import type { Test } from "tap";
import { buildApp, type Edge } from "../src/app.ts";
import { type EdgeConfig, edgeConfig } from "../src/config.ts";

export interface TestEdge extends Edge {
  readonly config: EdgeConfig;
  readonly log: Log;
  readonly port: number;
  stop(): Promise<void>;
}

export interface EdgeParts {
  readonly rules?: Rules;
  readonly gossip?: Gossip;
  readonly logger?: Logger;
  /** Puts another log in the place of the real one. */
  readonly wrapLog?: (log: Log) => Log;
}

/** A real edge in this process, on a free port. No persistence unless `env` names one. */
export async function edgeFor(
  t: Test,
  nats: { readonly url: string },
  env: NodeJS.ProcessEnv = {},
  { wrapLog = (log) => log, ...parts }: EdgeParts = {},
): Promise<TestEdge> {
  const config = edgeConfig({ PERSISTENCE_URL: NOWHERE, DRAIN_MS: "0", LOG_LEVEL: "silent", ...env });
  const log = wrapLog(openLog({ url: nats.url, name: "edge" }, { ...DEFAULT_LOG_SETTINGS, ...config.log }));
  await log.ready;
  const edge = await buildApp(config, { log, logger: createLogger("edge", config.logLevel), ...parts });
  await edge.app.listen({ host: "127.0.0.1", port: 0 });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      await edge.drain(0);
      await log.close(0);
      await edge.app.close();
    })();
    return stopping;
  };
  t.teardown(stop);
  return { ...edge, config, log, port: (edge.app.server.address() as { port: number }).port, stop };
}

/** A plain client; when this resolves, its room is open: the client receives what is said from then on. */
export async function plainMember(t: Test, edge: TestEdge, room: string, query = ""): Promise<WireClient> {
  const before = edge.sessions.size;
  const client = await plain(t, edge, room, query);
  await eventually(() => edge.sessions.size > before);
  await roomsOpen(edge);
  return client;
}

/** Waits until every room that a member of this edge has joined is open. */
export async function roomsOpen(edge: TestEdge): Promise<void> {
  await eventually(() => [...edge.sessions.all].every((c) => [...c.members.values()].every((m) => m.room.feed.opened)));
}

/** Waits until this many sockets are connected to the edge. */
export async function socketsAre(edge: TestEdge, wanted: number): Promise<void> {
  const count = () =>
    new Promise<number>((resolve) => edge.app.server.getConnections((_error, sockets) => resolve(sockets)));
  await eventually(async () => (await count()) === wanted);
}
