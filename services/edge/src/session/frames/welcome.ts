import { PING_INTERVAL_S } from "../../socket/heartbeat.ts";
import type { Session } from "../session.ts";

/** Answers hello and refresh: the client's name here, and the limits. */
export function sendWelcome(session: Session, user: string): void {
  const { limits, textMaxCharacters } = session.services.settings;
  session.connection.send({
    type: "welcome",
    connection: session.connection.id,
    user,
    ping: PING_INTERVAL_S,
    limits: { rooms: limits.connectionRooms, text: textMaxCharacters, frame: limits.frameBytes },
  });
}
