import { FRAME_MAX_BYTES, type HelloFrame, ProtocolError, requireUser } from "@madang/protocol";
import type { Connection } from "../connection.ts";
import { PING_INTERVAL_S } from "../heartbeat.ts";
import { MAX_ROOMS_PER_CONNECTION } from "../hub.ts";
import { handleJoin } from "./join.ts";

const ANONYMOUS = "anonymous";

/** F1. Rooms of the join list that cannot be joined are answered one by one; the others are joined all the same. */
export function handleHello(connection: Connection, frame: HelloFrame): void {
  if (connection.user !== undefined)
    throw new ProtocolError("bad_frame", { field: "type", message: "Hello was said already." });
  connection.user = frame.user === undefined ? ANONYMOUS : requireUser(frame.user);
  connection.hub.greeted(connection);
  connection.send({
    type: "welcome",
    connection: connection.id,
    user: connection.user,
    ping: PING_INTERVAL_S,
    limits: {
      rooms: MAX_ROOMS_PER_CONNECTION,
      text: connection.hub.config.textMaxCharacters,
      frame: FRAME_MAX_BYTES,
    },
  });
  for (const request of frame.join ?? []) handleJoin(connection, request);
}
