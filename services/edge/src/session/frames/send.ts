import { type Identity, TokenError } from "@madang/auth";
import type { Connection } from "../../socket/connection.ts";

/** An identity that still holds, and the right to write in the room. @throws ProtocolError `unauthorized`, `not_allowed` */
export function requireWriter(connection: Connection, room: string): Identity {
  const identity = connection.identity!;
  if (identity.expiresAt <= Date.now()) throw new TokenError("The token has expired.", true);
  connection.hub.guard.require(identity, room, "write");
  return identity;
}

/**
 * What every frame that is to be stored must pass: an identity that still holds, the right to write in the room, the
 * limits of the connection and of its user, and what moderators have laid down.
 * @throws ProtocolError `unauthorized`, `not_allowed`, `rate_limited`, `muted`, `room_closed`, `room_read_only`
 */
export function requireSend(connection: Connection, room: string, user: string, message: string): Identity {
  const identity = requireWriter(connection, room);
  const { guard, moderation } = connection.hub;
  connection.allowance.takeSend();
  guard.takeUserSend(identity);
  moderation.requireSend({ userId: identity.userId, user }, room, identity, message);
  return identity;
}
