import { aboutOf, type JoinRequest, ProtocolError, parsePosition, requireRoom } from "@madang/protocol";
import type { Connection } from "../../socket/connection.ts";

/** F2. Joining a room again takes the client to the new position. Errors name the room that was asked for. */
export function handleJoin(connection: Connection, request: JoinRequest): void {
  try {
    const room = requireRoom(request.room);
    const after = request.after === undefined ? undefined : parsePosition(request.after);
    if (request.after !== undefined && after === undefined) throw new ProtocolError("bad_position", { field: "after" });
    connection.allowance.takeJoin();
    const { guard, moderation, config } = connection.hub;
    const identity = connection.identity!;
    guard.require(identity, room, "read");
    // Somebody plain without a token has no name before they speak.
    moderation.requireJoin({ userId: identity.userId, user: connection.spokenAs ?? "" }, room, identity);
    if (connection.members.size >= config.limits.connectionRooms && !connection.members.has(room)) {
      throw new ProtocolError("too_many_rooms");
    }
    connection.hub.join(connection, room, after);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    connection.sendError(error, aboutOf(request));
    connection.refused();
  }
}
