import { ProtocolError, requireRoom, type TypingFrame, type TypingNotice } from "@madang/protocol";
import type { Connection } from "../../socket/connection.ts";
import { requireWriter } from "./send.ts";

/**
 * F4: told to the others, kept nowhere. Whoever may say nothing in the room is not typing there.
 * @throws ProtocolError of the field `typing`: no error about the room itself
 */
export function handleTyping(connection: Connection, frame: TypingFrame): void {
  try {
    tell(connection, requireRoom(frame.room));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { code, message, retryAfter } = error;
    throw new ProtocolError(code, { message, field: "typing", ...(retryAfter === undefined ? {} : { retryAfter }) });
  }
}

function tell(connection: Connection, room: string): void {
  if (!connection.members.has(room)) throw new ProtocolError("not_joined");
  const { userId } = requireWriter(connection, room);
  const user = connection.user!;
  connection.allowance.takeTyping();
  connection.hub.moderation.requireVoice({ userId, user }, room, connection.identity!);
  const notice: TypingNotice = { type: "typing", room, user, ...(userId === undefined ? {} : { userId }) };
  connection.hub.log.publishTransient(room, Buffer.from(JSON.stringify(notice)));
}
