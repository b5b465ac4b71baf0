import { type PlainMessageFrame, ProtocolError, requireUser } from "@madang/protocol";
import type { Session } from "../session.ts";
import { submit } from "../submit.ts";

/** P1: there is no ack; the message itself comes back. P2: so does an error. @throws ProtocolError */
export function handlePlainMessage(session: Session, frame: PlainMessageFrame): void {
  const { services, connection } = session;
  const [member] = session.members.values();
  if (!member) return;
  const identity = session.identity!;
  const user = identity.name ?? requireUser(frame.user);
  session.spokenAs = user;
  try {
    const stored = submit(services, {
      room: member.room.name,
      identity,
      user,
      message: frame.message,
      id: session.nextPublishId(),
      via: member,
      takeSend: () => session.allowance.takeSend(),
    });
    session.track(
      stored,
      ({ seq }) => {
        member.lastOwn = Math.max(member.lastOwn, seq);
      },
      (error) => connection.sendError(error),
    );
  } catch (error) {
    // Without a token a client is known by name only from its first message on: this is its entrance.
    const isBanned = services.moderation.isBannedEverywhere({ userId: identity.userId, user });
    if (!(error instanceof ProtocolError) || !isBanned) throw error;
    session.remove(error);
  }
}
