import { type Identity, TokenError } from "@madang/auth";
import type { Connection } from "../connection.ts";

/**
 * What every frame that is to be stored must pass: an identity that still holds, the right to write in the room, and
 * the limits of the connection and of its user.
 * @throws ProtocolError `unauthorized`, `not_allowed`, `rate_limited`
 */
export function requireSend(connection: Connection, room: string): Identity {
  const identity = connection.identity!;
  if (identity.expiresAt <= Date.now()) throw new TokenError("The token has expired.", true);
  const { guard } = connection.hub;
  guard.require(identity, room, "write");
  connection.allowance.takeSend();
  guard.takeUserSend(identity);
  return identity;
}
