import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import fastifyWebsocket from "@fastify/websocket";
import { type Identity, may, TokenError } from "@madang/auth";
import { ProtocolError, parsePosition, parseStoredRoomName, requireStoredRoom, SUBPROTOCOL } from "@madang/protocol";
import { problem, sendProblem, writeProblem } from "@madang/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { WebSocket } from "ws";
import type { FairReading } from "../arrival/fair-reading.ts";
import type { HandshakeGate } from "../arrival/handshake-gate.ts";
import { Dispatch } from "../session/dispatch.ts";
import { handleJoin } from "../session/frames/join.ts";
import type { EdgeServices } from "../session/services.ts";
import { Session } from "../session/session.ts";
import type { Sessions } from "../session/sessions.ts";
import { answerBeforeClosing } from "../socket/closing.ts";
import { Connection } from "../socket/connection.ts";
import type { WriteScheduler } from "../socket/write-scheduler.ts";

/** A message is 64 KiB at most: no client needs more frames for it, nor a network more packets. */
const MAX_FRAGMENTS = 128;
const MAX_CHUNKS = 1024;
/** How long a plain client's handshake waits for its room. While the log is away, the client joins once it is back. */
const OPEN_LIMIT_MS = 1000;

interface RoomRoute {
  Params: { room: string };
  Querystring: { after?: string };
}

/** The header is a list (RFC 9110, 7.8). */
const OFFERS_WEBSOCKET = /(?:^|,)[ \t]*websocket[ \t]*(?:,|$)/i;

/** The protocol versions that the library speaks. */
const VERSIONS = ["13", "8"];

export interface WebSocketDeps {
  readonly services: EdgeServices;
  readonly sessions: Sessions;
  readonly gate: HandshakeGate;
  readonly reads: FairReading;
  readonly writes: WriteScheduler;
}

/** How many requests of a socket have no response yet. */
const pendingResponses = new WeakMap<Socket, number>();

/** The path and query of a request's target, which a proxy may send with scheme and host (RFC 9112, 3.2.2). */
export function originForm(url: string): string {
  return url.replace(/^https?:\/\/[^/?]*(?=([/?])?)/i, (_host, next) => (next === "/" ? "" : "/"));
}

/**
 * Whether a request is a WebSocket handshake. Requests that offer only other protocols are answered as plain HTTP
 * (RFC 9110, 7.8), and so are handshakes in another version than HTTP/1.1. The same holds for a handshake while earlier
 * requests of the socket have no response: their responses would be written into the WebSocket.
 */
export function isWebSocket({ url, httpVersion, headers: { upgrade }, socket }: IncomingMessage): boolean {
  if (httpVersion !== "1.1" || pendingResponses.get(socket)) return false;
  return /^\/ws(?:[/?]|$)/.test(originForm(url ?? "")) && OFFERS_WEBSOCKET.test(upgrade ?? "");
}

/** `/ws` (full) and `/ws/chat/<room>/` (plain, or full when the client offers the subprotocol). */
export async function websocketRoutes(app: FastifyInstance, deps: WebSocketDeps): Promise<void> {
  const { services, sessions, gate } = deps;
  const { guard, hub, settings } = services;
  await app.register(fastifyWebsocket, {
    options: {
      maxPayload: settings.limits.frameBytes,
      // A message in tiny fragments takes a hundred times its size in memory.
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_CHUNKS,
      perMessageDeflate: false,
      clientTracking: false,
      handleProtocols: (offered: Set<string>) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    },
    // Sessions.drain closes the connections, in order.
    preClose: (done: () => void) => done(),
  });
  answerBeforeClosing(app.websocketServer.options);
  app.websocketServer.on("wsClientError", refuseHandshake);
  app.server.prependListener("request", ({ socket }, response) => {
    pendingResponses.set(socket, (pendingResponses.get(socket) ?? 0) + 1);
    response.once("close", () => pendingResponses.set(socket, pendingResponses.get(socket)! - 1));
  });
  // Refused here, a socket costs no more than the response: 503, 403, 429, or 401 for an invalid token.
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    if (!request.ws) return;
    // The library accepts no list of protocols.
    request.raw.headers.upgrade = "websocket";
    responses.set(request.raw, reply.raw);
    sessions.refuseWhenDraining();
    guard.requireEntrance(request);
    guard.addressLimits.takeHandshake(request.ip);
    await gate.enter(request.raw.socket);
    request.identity = await identify(services, request);
    // Other handshakes may have used up the limit meanwhile, and a drain may have begun.
    sessions.refuseWhenDraining();
    guard.requireEntrance(request);
  };

  // A successful handshake has no security headers: only refusals need them.
  const onSend = async (request: FastifyRequest, reply: FastifyReply) => {
    // A proxy must not reuse the socket of a refused handshake: the server closes it.
    if (request.ws) reply.header("connection", "close");
    return reply.helmet();
  };
  const guards = { helmet: false, onRequest, onSend } as const;

  for (const url of ["/ws", "/ws/"]) {
    app.route({
      method: "GET",
      url,
      ...guards,
      handler: requireUpgrade,
      wsHandler: (ws, request) => {
        const { connection } = openSession(deps, ws, request, false);
        if (ws.protocol === SUBPROTOCOL) return;
        connection.sendError(
          new ProtocolError("bad_request", { message: `Ask for the subprotocol ${SUBPROTOCOL} here.` }),
        );
        connection.close("badRequest");
      },
    });
  }

  // P1: only the handshake tells a plain client that it is a member, so it must be one by then.
  const preHandler = async (request: FastifyRequest<RoomRoute>) => {
    const room = parseStoredRoomName(request.params.room);
    if (!request.ws || offersSubprotocol(request) || room === undefined) return;
    if (may(request.identity!, room, "read")) await hub.opened(room, OPEN_LIMIT_MS);
    sessions.refuseWhenDraining();
  };
  for (const url of ["/ws/chat/:room/", "/ws/chat/:room"]) {
    app.route<RoomRoute>({
      method: "GET",
      url,
      ...guards,
      preHandler,
      handler: requireUpgrade,
      wsHandler: (ws, request) => {
        const isPlain = ws.protocol !== SUBPROTOCOL;
        const session = openSession(deps, ws, request, isPlain);
        // A full client names its rooms in hello and join; the room in the URL only serves routing.
        if (isPlain) joinPlain(session, request.params.room, request.query.after);
      },
    });
  }
}

function requireUpgrade(_request: unknown, reply: FastifyReply): FastifyReply {
  // Node closes the socket after the response if the client asked for it (RFC 9112, 9.6), unless this header omits it.
  reply.header("upgrade", "websocket").header("connection", reply.raw.shouldKeepAlive ? "upgrade" : "upgrade, close");
  return sendProblem(reply, problem("bad_request", { status: 426, detail: "This URL accepts WebSockets only." }));
}

/** Refuses a handshake whose key, version or subprotocols the library does not accept. */
function refuseHandshake({ message: detail }: Error, socket: Duplex, { headers }: IncomingMessage): void {
  const isVersion = VERSIONS.includes(headers["sec-websocket-version"] ?? "");
  const status = isVersion ? 400 : 426;
  // RFC 6455, 4.4, and RFC 9110, 15.5.22.
  const upgrade = isVersion ? {} : { upgrade: "websocket", "sec-websocket-version": VERSIONS.join(", ") };
  writeProblem(socket, problem("bad_request", { status, detail }), upgrade);
  socket.once("finish", () => socket.destroy());
  socket.end();
}

/** The responses of handshakes under way. */
const responses = new WeakMap<IncomingMessage, ServerResponse>();

function openSession(deps: WebSocketDeps, ws: WebSocket, request: FastifyRequest, isPlain: boolean): Session {
  const { services, sessions, reads, writes } = deps;
  // The socket outlives its HTTP request by hours: references between them would cost each idle connection 4 KB.
  responses.get(request.raw)?.detachSocket(request.raw.socket);
  ws.removeAllListeners("error");
  const options = { id: randomUUID(), address: request.ip, reads, writes };
  const connection = new Connection(ws, request.raw.socket, options);
  const session = new Session(services, connection, isPlain);
  session.identity = request.identity;
  sessions.add(session);
  connection.start(new Dispatch(session, sessions));
  return session;
}

/** Authenticates by the handshake: the only chance of a plain client. A full client may also send a token in hello. */
async function identify({ guard }: EdgeServices, request: FastifyRequest): Promise<Identity | undefined> {
  const isFull = offersSubprotocol(request);
  try {
    const identity = await guard.identify(request);
    if (!identity && !isFull) throw new ProtocolError("unauthorized");
    return identity;
  } catch (error) {
    // A page with an expired cookie learns it from a close code (F7): scripts cannot read why a handshake failed.
    if (isFull && error instanceof TokenError) return undefined;
    throw error;
  }
}

function offersSubprotocol({ headers }: FastifyRequest): boolean {
  return (headers["sec-websocket-protocol"] ?? "").split(",").some((offered) => offered.trim() === SUBPROTOCOL);
}

/**
 * P1: joins the room in the URL, from a position (`?after=`) or live. With a bad position it joins live. A client that may
 * not join is closed (3507).
 */
function joinPlain(session: Session, name: string, after: string | undefined): void {
  if (!session.services.guard.identified(session, session.identity!)) return session.close("connectionLimit");
  try {
    const room = requireStoredRoom(name);
    if (after !== undefined && !parsePosition(after)) {
      session.connection.sendError(new ProtocolError("bad_position", { field: "after" }));
      handleJoin(session, { room });
    } else handleJoin(session, after === undefined ? { room } : { room, after });
    if (session.members.size === 0) session.close("notAllowed");
  } catch (error) {
    session.connection.sendError(error);
    session.close("badRequest");
  }
}
