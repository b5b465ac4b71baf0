import { setTimeout as delay } from "node:timers/promises";
import { DEFAULT_LOG_SETTINGS, type Gossip, type Log, openLog, type Rules } from "@madang/broker";
import { startNats } from "@madang/local-stack";
import { SUBPROTOCOL } from "@madang/protocol";
import { createLogger, type Logger } from "@madang/runtime";
import type { Test } from "tap";
import { WebSocket } from "ws";
import { buildApp, type Edge } from "../src/app.ts";
import { type EdgeConfig, edgeConfig } from "../src/config.ts";

export type Nats = Awaited<ReturnType<typeof startNats>>;
// biome-ignore lint/suspicious/noExplicitAny: tests look into frames as they come
export type Frame = any;

export async function natsFor(t: Test): Promise<Nats> {
  const nats = await startNats();
  t.teardown(() => nats.stop());
  return nats;
}

export interface TestEdge extends Edge {
  readonly config: EdgeConfig;
  readonly log: Log;
  readonly port: number;
  stop(): Promise<void>;
}

/** A real edge in this process, on a free port. No persistence unless `env` names one. */
export async function edgeFor(
  t: Test,
  nats: Nats,
  env: NodeJS.ProcessEnv = {},
  wrap: (log: Log) => Log = (log) => log,
  deps: { rules?: Rules; gossip?: Gossip; logger?: Logger } = {},
): Promise<TestEdge> {
  const config: EdgeConfig = edgeConfig({
    PERSISTENCE_URL: "http://127.0.0.1:9",
    DRAIN_MS: "0",
    LOG_LEVEL: "silent",
    ...env,
  });
  const log = wrap(openLog({ url: nats.url, name: "edge" }, { ...DEFAULT_LOG_SETTINGS, ...config.log }));
  await log.ready;
  const edge = await buildApp(config, {
    log,
    logger: createLogger("edge", config.logLevel),
    ...deps,
  });
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

/** A client that knows only the wire protocol. */
export class WireClient {
  readonly ws: WebSocket;
  readonly frames: Frame[] = [];
  closed: { code: number; reason: string } | undefined;

  /** The HTTP status of a handshake that was refused. */
  refusedWith: number | undefined;

  constructor(url: string, protocols: string[], headers: Record<string, string> = {}) {
    this.ws = new WebSocket(url, protocols, { perMessageDeflate: false, headers });
    this.ws.on("unexpected-response", (request, response) => {
      this.refusedWith = response.statusCode;
      // With a listener here the library closes nothing by itself, and says nothing.
      this.closed = { code: 1006, reason: "" };
      request.destroy();
    });
    this.ws.on("message", (data) => this.frames.push(JSON.parse(data.toString())));
    this.ws.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.ws.on("error", () => {});
  }

  send(frame: unknown): void {
    this.ws.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** The first frame, of those to come and those already there, for which the test holds. */
  async next(type: string, test: (frame: Frame) => boolean = () => true, limitMs = 10_000): Promise<Frame> {
    let found: Frame;
    await until(() => {
      found = this.frames.find((frame) => frame.type === type && test(frame));
      return found !== undefined;
    }, limitMs);
    return found;
  }

  of(type: string): Frame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  async closing(limitMs = 10_000): Promise<{ code: number; reason: string }> {
    await until(() => this.closed !== undefined, limitMs);
    return this.closed!;
  }
}

async function opened(t: Test, client: WireClient): Promise<WireClient> {
  t.teardown(() => client.ws.terminate());
  await until(() => client.ws.readyState === WebSocket.OPEN || client.closed !== undefined);
  return client;
}

/** A full connection; with `user`, hello is said already. */
export async function full(t: Test, edge: { port: number }, user?: string, join?: object[]): Promise<WireClient> {
  const client = await opened(t, new WireClient(`ws://127.0.0.1:${edge.port}/ws`, [SUBPROTOCOL]));
  if (user !== undefined) {
    client.send({ type: "hello", user, ...(join ? { join } : {}) });
    await client.next("welcome");
  }
  return client;
}

/** A plain connection, which is a member when this resolves. */
export async function plain(t: Test, edge: TestEdge, room: string, query = ""): Promise<WireClient> {
  const before = edge.sessions.size;
  const client = await opened(
    t,
    new WireClient(`ws://127.0.0.1:${edge.port}/ws/chat/${encodeURIComponent(room)}/${query}`, []),
  );
  await until(() => edge.sessions.size > before);
  // Plain members get no word of having joined: what is said after a look at the room is seen by them.
  await until(() => [...edge.sessions.all].every((c) => [...c.members.values()].every((m) => m.room.feed.opened)));
  return client;
}

export async function until(condition: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain`);
    await delay(5);
  }
}

export async function said(client: WireClient, room: string, text: string, nonce: string = text): Promise<Frame> {
  client.send({ type: "message", room, message: text, nonce });
  return client.next("ack", (ack) => ack.nonce === nonce);
}
