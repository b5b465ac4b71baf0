import { setTimeout as delay } from "node:timers/promises";
import type { Identity } from "@madang/auth";
import { type HelloFrame, ProtocolError, requireUser } from "@madang/protocol";
import { PEER_SILENCE_MS } from "../../access/usage-peers.ts";
import type { Session } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import { handleJoin } from "./join.ts";
import { sendWelcome } from "./welcome.ts";

const ANONYMOUS = "anonymous";

/**
 * F1. The frame's token takes precedence over the handshake's. Rooms of the join list that cannot be joined are answered
 * one by one; the others are joined all the same.
 */
export function handleHello(session: Session, sessions: Sessions, frame: HelloFrame): void {
  if (session.user !== undefined) {
    throw new ProtocolError("bad_frame", { field: "type", message: "Hello was said already." });
  }
  const { guard } = session.services;
  const greetAs = (identity: Identity) => greet(session, sessions, frame, identity);
  if (guard.anonymous) return greetAs(guard.anonymous);
  if (frame.token !== undefined) {
    session.hold(guard.verify(frame.token).then((identity) => waitForPeers(session, identity).then(greetAs)));
  } else if (!session.identity) {
    session.connection.sendError(new ProtocolError("unauthorized"));
    session.close("invalidToken");
  } else if (guard.isFullElsewhere(session.identity)) {
    session.hold(waitForPeers(session, session.identity).then(greetAs));
  } else {
    greetAs(session.identity);
  }
}

/** Connections to an edge that has just died must not lock their user out: its silence shows soon. */
async function waitForPeers(session: Session, identity: Identity): Promise<Identity> {
  if (session.services.guard.isFullElsewhere(identity)) await delay(PEER_SILENCE_MS);
  return identity;
}

function greet(session: Session, sessions: Sessions, frame: HelloFrame, identity: Identity): void {
  const { guard, moderation } = session.services;
  const user = identity.name ?? (frame.user === undefined ? ANONYMOUS : requireUser(frame.user));
  if (!guard.identified(session, identity)) return session.close("connectionLimit");
  session.user = user;
  session.spokenAs = user;
  try {
    moderation.requireEntrance({ userId: identity.userId, user });
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return session.remove(error);
  }
  sessions.greeted(session);
  sendWelcome(session, user);
  for (const request of frame.join ?? []) handleJoin(session, request);
}
