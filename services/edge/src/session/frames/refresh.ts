import { type Identity, TokenError } from "@madang/auth";
import { ProtocolError, type RefreshFrame } from "@madang/protocol";
import type { Session } from "../session.ts";
import { sendWelcome } from "./welcome.ts";

/** F5: a new token of the same user. Without authentication there is none to renew. Welcome answers it, as it does hello. */
export function handleRefresh(session: Session, frame: RefreshFrame): void {
  const { guard } = session.services;
  if (guard.anonymous) throw new ProtocolError("not_allowed");
  session.allowance.takeJoin();
  session.hold(guard.verify(frame.token).then((identity) => renew(session, identity)));
}

/** A token with fewer grants takes the client out of the rooms that it may no longer read. */
function renew(session: Session, identity: Identity): void {
  const { guard } = session.services;
  if (identity.userId !== session.identity?.userId) throw new TokenError("The token is of another user.");
  guard.identified(session, identity);
  session.user = identity.name!;
  sendWelcome(session, session.user);
  for (const room of [...session.members.keys()]) {
    try {
      guard.requireAccess(identity, room, "read");
    } catch (error) {
      session.leave(room);
      session.connection.sendError(error, { room });
    }
  }
}
