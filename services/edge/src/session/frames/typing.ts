import { ProtocolError, requireRoom, type TypingFrame, type TypingNotice } from "@madang/protocol";
import type { Session } from "../session.ts";
import { requireWriter } from "../submit.ts";

/**
 * F4: delivered to the other members, not stored. A client that may not write in the room cannot type there.
 * @throws ProtocolError with the field `typing`: it is not an error about the room itself
 */
export function handleTyping(session: Session, frame: TypingFrame): void {
  try {
    publishTyping(session, requireRoom(frame.room));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { code, message, retryAfter } = error;
    throw new ProtocolError(code, { message, field: "typing", ...(retryAfter === undefined ? {} : { retryAfter }) });
  }
}

function publishTyping(session: Session, room: string): void {
  if (!session.members.has(room)) throw new ProtocolError("not_joined");
  const { services, allowance } = session;
  const identity = session.identity!;
  requireWriter(services, identity, room);
  const { userId } = identity;
  const user = session.user!;
  allowance.takeTyping();
  services.moderation.requireVoice({ userId, user }, room, identity);
  const notice: TypingNotice = { type: "typing", room, user, ...(userId === undefined ? {} : { userId }) };
  services.log.publishTransient(room, Buffer.from(JSON.stringify(notice)));
}
