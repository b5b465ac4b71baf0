import { type Identity, TokenError } from "@madang/auth";
import { ProtocolError, type RefreshFrame } from "@madang/protocol";
import type { Connection } from "../../socket/connection.ts";
import { welcome } from "./hello.ts";

/** F5: the same person's new token; without authentication there is none to renew. Answered by welcome, as hello is. */
export function handleRefresh(connection: Connection, frame: RefreshFrame): void {
  const { guard } = connection.hub;
  if (guard.anonymous) throw new ProtocolError("not_allowed");
  connection.allowance.takeJoin();
  connection.hold(guard.verify(frame.token).then((identity) => renew(connection, identity)));
}

/** A token that gives less takes the client out of the rooms that it may no longer read. */
function renew(connection: Connection, identity: Identity): void {
  if (identity.userId !== connection.identity?.userId) throw new TokenError("That is the token of somebody else.");
  connection.hub.guard.identified(connection, identity);
  connection.user = identity.name!;
  welcome(connection, connection.user);
  for (const room of [...connection.members.keys()]) {
    try {
      connection.hub.guard.require(identity, room, "read");
    } catch (error) {
      connection.leaveRoom(room);
      connection.sendError(error, { room });
    }
  }
}
