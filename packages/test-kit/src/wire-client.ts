import { SUBPROTOCOL } from "@madang/protocol";
import { WebSocket } from "ws";
import { eventually } from "./eventually.ts";
import type { Server } from "./http-client.ts";
import type { Scope } from "./scope.ts";

// biome-ignore lint/suspicious/noExplicitAny: tests look into frames as they come
export type Frame = any;

/** Below the 15 s after which the edge's audit repairs lost live events, so that the audit hides no fault. */
const FRAME_LIMIT_MS = 10_000;

/** A frame matches when the function holds for it, or when it has all of the object's properties. */
export type Match = ((frame: Frame) => unknown) | Readonly<Record<string, unknown>>;

/** A client that knows only the wire protocol, and believes every frame. */
export class WireClient {
  readonly ws: WebSocket;
  /** The frames in order of arrival. */
  readonly frames: Frame[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  /** The HTTP status with which the server refused the handshake. */
  refusedWith: number | undefined;

  constructor(url: string, protocols: string[], headers: Record<string, string> = {}) {
    this.ws = new WebSocket(url, protocols, { perMessageDeflate: false, headers });
    this.ws.on("unexpected-response", (request, response) => {
      this.refusedWith = response.statusCode;
      // With a listener for this event the library does not close the connection by itself.
      this.closed = { code: 1006, reason: "" };
      request.destroy();
    });
    this.ws.on("message", (data) => this.frames.push(JSON.parse(data.toString())));
    this.ws.on("close", (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    this.ws.on("error", () => {});
  }

  /** Sends a frame; a string is sent as it is. */
  send(frame: unknown): void {
    this.ws.send(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  join(room: string, after?: string): void {
    this.send({ type: "join", room, ...(after === undefined ? {} : { after }) });
  }

  /** Sends a message and does not wait for its acknowledgement. */
  post(room: string, text: string, nonce = text): void {
    this.send({ type: "message", room, message: text, nonce });
  }

  /** Sends a message and returns its acknowledgement. */
  say(room: string, text: string, nonce = text): Promise<Frame> {
    this.post(room, text, nonce);
    return this.next("ack", { nonce });
  }

  /** The first matching frame of a type, among those that arrived and those to come. */
  next(type: string, match: Match = {}, limitMs = FRAME_LIMIT_MS): Promise<Frame> {
    const matches = typeof match === "function" ? match : hasAll(match);
    return eventually(() => this.frames.find((frame) => frame.type === type && matches(frame)), { limitMs });
  }

  of(type: string): Frame[] {
    return this.frames.filter((frame) => frame.type === type);
  }

  /** The texts of all messages that arrived. */
  get texts(): string[] {
    return this.of("message").map(({ message }) => message);
  }

  /** Resolves when the connection has ended. */
  closing(limitMs = FRAME_LIMIT_MS): Promise<{ readonly code: number; readonly reason: string }> {
    return eventually(() => this.closed, { limitMs });
  }
}

function hasAll(properties: Readonly<Record<string, unknown>>): (frame: Frame) => boolean {
  return (frame) => Object.entries(properties).every(([name, value]) => frame[name] === value);
}

export interface Dial {
  /** Speaks the full protocol. Default: the plain one. */
  readonly full?: boolean;
  readonly headers?: Record<string, string>;
}

/** Opens a WebSocket. Resolves when the handshake is complete, or refused. */
export async function connect(t: Scope, server: Server, path: string, dial: Dial = {}): Promise<WireClient> {
  const protocols = dial.full ? [SUBPROTOCOL] : [];
  const client = new WireClient(`ws://127.0.0.1:${server.port}${path}`, protocols, dial.headers);
  t.teardown(() => client.ws.terminate());
  await eventually(() => client.ws.readyState === WebSocket.OPEN || client.closed);
  return client;
}

export type Join = string | { readonly room: string; readonly after?: string };

export interface Hello {
  readonly user?: string;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

/**
 * Opens a connection of the full protocol.
 * @param hello a nickname, or more. Resolves when the server has answered; with a nickname alone it must be welcome.
 *   Absent: sends no hello
 * @param join the rooms that the hello joins
 */
export async function full(
  t: Scope,
  server: Server,
  hello?: string | Hello,
  join?: readonly Join[],
): Promise<WireClient> {
  const { headers = {}, ...identity } = typeof hello === "string" ? { user: hello } : (hello ?? {});
  const client = await connect(t, server, "/ws", { full: true, headers });
  if (hello === undefined || client.closed) return client;
  const rooms = join?.map((each) => (typeof each === "string" ? { room: each } : each));
  client.send({ type: "hello", ...identity, ...(rooms ? { join: rooms } : {}) });
  await eventually(() => client.of("welcome").length > 0 || client.closed);
  if (typeof hello === "string" && client.of("welcome").length === 0) throw new Error(`${hello} is not welcome`);
  return client;
}

/** Opens a connection of the plain protocol to a room. `query` begins with "?". */
export function plain(t: Scope, server: Server, room: string, query = "", headers = {}): Promise<WireClient> {
  return connect(t, server, `/ws/chat/${encodeURIComponent(room)}/${query}`, { headers });
}
