import { setTimeout as delay } from "node:timers/promises";
import type { Identity } from "@madang/auth";
import { type HelloFrame, ProtocolError, requireUser } from "@madang/protocol";
import { PEER_SILENCE_MS } from "../../access/usage-peers.ts";
import type { Connection } from "../../socket/connection.ts";
import { PING_INTERVAL_S } from "../../socket/heartbeat.ts";
import { handleJoin } from "./join.ts";

const ANONYMOUS = "anonymous";

/**
 * F1. A token in here comes before one of the handshake. Rooms of the join list that cannot be joined are answered one
 * by one; the others are joined all the same.
 */
export function handleHello(connection: Connection, frame: HelloFrame): void {
  if (connection.user !== undefined)
    throw new ProtocolError("bad_frame", { field: "type", message: "Hello was said already." });
  const { guard } = connection.hub;
  const { token } = frame;
  if (guard.anonymous) greet(connection, frame, guard.anonymous);
  else if (token !== undefined) {
    connection.hold(guard.verify(token).then((identity) => greetWhenKnown(connection, frame, identity)));
  } else if (connection.identity && !guard.isFullElsewhere(connection.identity)) {
    greet(connection, frame, connection.identity);
  } else if (connection.identity) connection.hold(greetWhenKnown(connection, frame, connection.identity));
  else {
    connection.sendError(new ProtocolError("unauthorized"));
    connection.close("invalidToken");
  }
}

/** A user's connections to an edge that has just died do not keep the user out: that it is dead shows in a moment. */
async function greetWhenKnown(connection: Connection, frame: HelloFrame, identity: Identity): Promise<void> {
  if (connection.hub.guard.isFullElsewhere(identity)) await delay(PEER_SILENCE_MS);
  greet(connection, frame, identity);
}

function greet(connection: Connection, frame: HelloFrame, identity: Identity): void {
  const user = identity.name ?? (frame.user === undefined ? ANONYMOUS : requireUser(frame.user));
  if (!connection.hub.guard.identified(connection, identity)) return connection.close("connectionLimit");
  connection.user = user;
  connection.spokenAs = user;
  try {
    connection.hub.moderation.requireEntrance({ userId: identity.userId, user });
  } catch (error) {
    connection.sendError(error);
    return connection.close("removed");
  }
  connection.hub.greeted(connection);
  welcome(connection, user);
  for (const request of frame.join ?? []) handleJoin(connection, request);
}

/** The answer to hello and to refresh: who the client is here, and what holds. */
export function welcome(connection: Connection, user: string): void {
  const { limits, textMaxCharacters } = connection.hub.config;
  connection.send({
    type: "welcome",
    connection: connection.id,
    user,
    ping: PING_INTERVAL_S,
    limits: { rooms: limits.connectionRooms, text: textMaxCharacters, frame: limits.frameBytes },
  });
}
