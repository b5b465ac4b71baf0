import { type MessageFrame, ProtocolError, requireNonce, requireRoom } from "@madang/protocol";
import type { Session } from "../session.ts";
import { submit } from "../submit.ts";

/** F3: the log stores the message first; the ack says where. @throws ProtocolError */
export function handleMessage(session: Session, frame: MessageFrame): void {
  const nonce = requireNonce(frame.nonce);
  const room = requireRoom(frame.room);
  const via = session.members.get(room);
  if (!via) throw new ProtocolError("not_joined");
  const stored = submit(session.services, {
    room,
    identity: session.identity!,
    user: session.user!,
    message: frame.message,
    replyTo: frame.replyTo,
    nonce,
    via,
    takeSend: () => session.allowance.takeSend(),
  });
  session.track(
    stored,
    ({ seq, epoch, duplicate }) => session.connection.send({ type: "ack", nonce, room, seq, epoch, duplicate }),
    (error) => session.connection.sendError(error, { room, nonce }),
  );
}
