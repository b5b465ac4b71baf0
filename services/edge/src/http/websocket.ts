import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import fastifyWebsocket from "@fastify/websocket";
import { type Identity, may, TokenError } from "@madang/auth";
import { ProtocolError, parsePosition, parseRoomName, requireRoom, SUBPROTOCOL } from "@madang/protocol";
import { problem, sendProblem, writeProblem } from "@madang/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { WebSocket } from "ws";
import type { Admission } from "../arrival/admission.ts";
import type { Hub } from "../rooms/hub.ts";
import { handleJoin } from "../session/frames/join.ts";
import { answerBeforeClosing } from "../socket/closing.ts";
import { Connection } from "../socket/connection.ts";

/** A message is 64 KiB at most: no client has reason to send it in more frames, nor a network in more packets. */
const MAX_FRAGMENTS = 128;
const MAX_CHUNKS = 1024;
/** How long a plain client's handshake waits for its room. While the log is away it joins when that is back. */
const OPEN_LIMIT_MS = 1000;

interface RoomRoute {
  Params: { room: string };
  Querystring: { after?: string };
}

/** Among others, too: it is a list (RFC 9110, 7.8). */
const OFFERS_WEBSOCKET = /(?:^|,)[ \t]*websocket[ \t]*(?:,|$)/i;

/** That the library speaks. */
const VERSIONS = ["13", "8"];

/** Sockets with requests that have no answer yet, and how many. */
const owing = new WeakMap<Socket, number>();

/** A proxy may ask for a URL with its host (RFC 9112, 3.2.2): what is asked for is the same. */
export function originForm(url: string): string {
  return url.replace(/^https?:\/\/[^/?]*(?=([/?])?)/i, (_host, next) => (next === "/" ? "" : "/"));
}

/**
 * Whether a request is to leave HTTP. Whoever only offers another protocol is answered as if they had not (RFC 9110, 7.8);
 * so is who asks for it in another version than HTTP/1.1, and who does before earlier requests have their answers: out of its turn, a socket
 * would belong to nobody.
 */
export function isWebSocket({ url, httpVersion, headers: { upgrade }, socket }: IncomingMessage): boolean {
  if (httpVersion !== "1.1" || owing.get(socket)) return false;
  return /^\/ws(?:[/?]|$)/.test(originForm(url ?? "")) && OFFERS_WEBSOCKET.test(upgrade ?? "");
}

/** `/ws` (full) and `/ws/chat/<room>/` (plain, or full when the client offers the subprotocol). */
export async function websocketRoutes(app: FastifyInstance, hub: Hub, admission: Admission): Promise<void> {
  await app.register(fastifyWebsocket, {
    options: {
      maxPayload: hub.config.limits.frameBytes,
      // What is kept of a message that comes in crumbs weighs a hundred times what came.
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_CHUNKS,
      perMessageDeflate: false,
      clientTracking: false,
      handleProtocols: (offered: Set<string>) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    },
    // The hub takes leave of its connections itself, in order.
    preClose: (done: () => void) => done(),
  });
  answerBeforeClosing(app.websocketServer.options);
  app.websocketServer.on("wsClientError", refuseHandshake);
  app.server.prependListener("request", ({ socket }, response) => {
    owing.set(socket, (owing.get(socket) ?? 0) + 1);
    response.once("close", () => owing.set(socket, owing.get(socket)! - 1));
  });
  // Refused here, a socket costs no more than the answer: 503, 403, 429, or 401 for a token that is not valid.
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    if (!request.ws) return;
    // Which of the protocols it is to be is settled by now; the library knows but one.
    request.raw.headers.upgrade = "websocket";
    responses.set(request.raw, reply.raw);
    hub.refuseWhenDraining();
    hub.guard.requireEntrance(request);
    hub.guard.doorstep.takeHandshake(request.ip);
    await admission.turn(request.raw.socket);
    request.identity = await identify(hub, request);
    // Those who waited with it may have filled the house, and it may have begun to close.
    hub.refuseWhenDraining();
    hub.guard.requireEntrance(request);
  };

  // Only an answer needs the headers of security, and a handshake that succeeds has none: for a crowd of them they are not made.
  const onSend = async (request: FastifyRequest, reply: FastifyReply) => {
    // A proxy must not send its next request here: the socket of a refused handshake is closed.
    if (request.ws) reply.header("connection", "close");
    return reply.helmet();
  };
  const guards = { helmet: false, onRequest, onSend } as const;

  for (const url of ["/ws", "/ws/"]) {
    app.route({
      method: "GET",
      url,
      ...guards,
      handler: askForUpgrade,
      wsHandler: (ws, request) => {
        const connection = connect(hub, ws, request, false);
        if (ws.protocol === SUBPROTOCOL) return;
        connection.sendError(
          new ProtocolError("bad_request", { message: `Ask for the subprotocol ${SUBPROTOCOL} here.` }),
        );
        connection.close("badRequest");
      },
    });
  }

  // P1: nothing but the handshake tells a plain client that it is a member, so by then it is one.
  const preHandler = async (request: FastifyRequest<RoomRoute>) => {
    const room = parseRoomName(request.params.room);
    if (!request.ws || offersSubprotocol(request) || room === undefined) return;
    if (may(request.identity!, room, "read")) await hub.opened(room, OPEN_LIMIT_MS);
    hub.refuseWhenDraining();
  };
  for (const url of ["/ws/chat/:room/", "/ws/chat/:room"]) {
    app.route<RoomRoute>({
      method: "GET",
      url,
      ...guards,
      preHandler,
      handler: askForUpgrade,
      wsHandler: (ws, request) => {
        const isPlain = ws.protocol !== SUBPROTOCOL;
        const connection = connect(hub, ws, request, isPlain);
        // A full client says in its hello which rooms it wants; the URL is only a way to be routed.
        if (isPlain) joinPlain(connection, request.params.room, request.query.after);
      },
    });
  }
}

function askForUpgrade(_request: unknown, reply: FastifyReply): FastifyReply {
  // Who wants one answer only is hung up on after it (RFC 9112, 9.6): with a header that says nothing of that Node forgets it.
  reply.header("upgrade", "websocket").header("connection", reply.raw.shouldKeepAlive ? "upgrade" : "upgrade, close");
  return sendProblem(reply, problem("bad_request", { status: 426, detail: "A WebSocket is to be opened here." }));
}

/** What the library does not take for a handshake: a key, a version or a list of subprotocols that is none. */
function refuseHandshake({ message: detail }: Error, socket: Duplex, { headers }: IncomingMessage): void {
  const isVersion = VERSIONS.includes(headers["sec-websocket-version"] ?? "");
  const status = isVersion ? 400 : 426;
  // RFC 6455, 4.4, and RFC 9110, 15.5.22.
  const ours = isVersion ? {} : { upgrade: "websocket", "sec-websocket-version": VERSIONS.join(", ") };
  writeProblem(socket, problem("bad_request", { status, detail }), ours);
  socket.once("finish", () => socket.destroy());
  socket.end();
}

/** Of upgrade requests under way. */
const responses = new WeakMap<IncomingMessage, ServerResponse>();

function connect(hub: Hub, ws: WebSocket, request: FastifyRequest, isPlain: boolean): Connection {
  // The socket outlives its HTTP request by hours: what still ties them would cost each idle connection some 4 KB.
  responses.get(request.raw)?.detachSocket(request.raw.socket);
  ws.removeAllListeners("error");
  const id = randomUUID();
  const connection = new Connection(hub, id, ws, request.raw.socket, request.ip, isPlain);
  hub.connected(connection);
  connection.identity = request.identity;
  return connection;
}

/** A plain client has no other chance to say who it is than the handshake; a full one has its hello. */
async function identify(hub: Hub, request: FastifyRequest): Promise<Identity | undefined> {
  const isFull = offersSubprotocol(request);
  try {
    const identity = await hub.guard.identify(request);
    if (!identity && !isFull) throw new ProtocolError("unauthorized");
    return identity;
  } catch (error) {
    // A page whose cookie has expired gets to know that by a close code (F7); a refused handshake it could not read.
    if (isFull && error instanceof TokenError) return undefined;
    throw error;
  }
}

function offersSubprotocol({ headers }: FastifyRequest): boolean {
  return (headers["sec-websocket-protocol"] ?? "").split(",").some((offered) => offered.trim() === SUBPROTOCOL);
}

/**
 * P1: the room in the URL is joined at once, from a position (`?after=`) or live. A bad position joins live. Who may not
 * be in there has nothing to do here (3507).
 */
function joinPlain(connection: Connection, name: string, after: string | undefined): void {
  if (!connection.hub.guard.identified(connection, connection.identity!)) return connection.close("connectionLimit");
  try {
    const room = requireRoom(name);
    if (after !== undefined && !parsePosition(after)) {
      connection.sendError(new ProtocolError("bad_position", { field: "after" }));
      handleJoin(connection, { room });
    } else handleJoin(connection, after === undefined ? { room } : { room, after });
    if (connection.members.size === 0) connection.close("notAllowed");
  } catch (error) {
    connection.sendError(error);
    connection.close("badRequest");
  }
}
