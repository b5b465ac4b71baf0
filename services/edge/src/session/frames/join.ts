import { aboutOf, type JoinRequest, ProtocolError, parsePosition, requireStoredRoom } from "@madang/protocol";
import type { Session } from "../session.ts";

/** F2. Joining a room again moves the client to the new position. Errors name the room as the client wrote it. */
export function handleJoin(session: Session, request: JoinRequest): void {
  try {
    const room = requireStoredRoom(request.room);
    const after = request.after === undefined ? undefined : parsePosition(request.after);
    if (request.after !== undefined && after === undefined) throw new ProtocolError("bad_position", { field: "after" });
    session.allowance.takeJoin();
    const { guard, moderation, settings } = session.services;
    const identity = session.identity!;
    guard.requireGrant(identity, room, "read");
    // A plain client without a token has no name before it speaks.
    moderation.requireJoin({ userId: identity.userId, user: session.spokenAs ?? "" }, room, identity);
    if (session.members.size >= settings.limits.connectionRooms && !session.members.has(room)) {
      throw new ProtocolError("too_many_rooms");
    }
    session.join(room, after);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    session.connection.sendError(error, aboutOf(request));
    session.refused();
  }
}
