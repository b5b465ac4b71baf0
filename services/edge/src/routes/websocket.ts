import { randomBytes } from "node:crypto";
import fastifyWebsocket from "@fastify/websocket";
import { FRAME_MAX_BYTES, ProtocolError, parsePosition, requireRoom, SUBPROTOCOL } from "@madang/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { WebSocket } from "ws";
import { Connection } from "../connection.ts";
import { handleJoin } from "../handlers/join.ts";
import type { Hub } from "../hub.ts";

interface RoomRoute {
  Params: { room: string };
  Querystring: { after?: string };
}

/** `/ws` (full) and `/ws/chat/<room>/` (plain, or full when the client offers the subprotocol). */
export async function websocketRoutes(app: FastifyInstance, hub: Hub): Promise<void> {
  await app.register(fastifyWebsocket, {
    options: {
      maxPayload: FRAME_MAX_BYTES,
      perMessageDeflate: false,
      clientTracking: false,
      handleProtocols: (offered: Set<string>) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    },
    // The hub takes leave of its connections itself, in order.
    preClose: (done: () => void) => done(),
  });
  const onRequest = async () => hub.refuseWhenDraining();

  app.get("/ws", { websocket: true, onRequest }, (ws, request) => {
    const connection = connect(hub, ws, request, false);
    if (ws.protocol === SUBPROTOCOL) return;
    connection.sendError(new ProtocolError("bad_request", { message: `Ask for the subprotocol ${SUBPROTOCOL} here.` }));
    connection.close("badRequest");
  });

  for (const path of ["/ws/chat/:room/", "/ws/chat/:room"]) {
    app.get<RoomRoute>(path, { websocket: true, onRequest }, (ws, request) => {
      const isPlain = ws.protocol !== SUBPROTOCOL;
      const connection = connect(hub, ws, request, isPlain);
      // A full client says in its hello which rooms it wants; the URL is only a way to be routed.
      if (isPlain) joinPlain(connection, request.params.room, request.query.after);
    });
  }
}

function connect(hub: Hub, ws: WebSocket, request: FastifyRequest, isPlain: boolean): Connection {
  const connection = new Connection(hub, randomBytes(9).toString("base64url"), ws, request.raw.socket, isPlain);
  hub.connected(connection);
  return connection;
}

/** P1: the room in the URL is joined at once, from a position (`?after=`) or live. A bad position joins live. */
function joinPlain(connection: Connection, name: string, after: string | undefined): void {
  try {
    const room = requireRoom(name);
    if (after !== undefined && !parsePosition(after)) {
      connection.sendError(new ProtocolError("bad_position", { field: "after" }));
      return handleJoin(connection, { room });
    }
    handleJoin(connection, after === undefined ? { room } : { room, after });
  } catch (error) {
    connection.sendError(error);
    connection.close("badRequest");
  }
}
