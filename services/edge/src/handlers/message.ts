import { type MessageFrame, ProtocolError, requireRoom } from "@madang/protocol";
import type { Connection } from "../connection.ts";
import { messageId, storedMessage } from "../message.ts";
import { requireSend } from "./send.ts";

/** F3: stored first; the ack says where. */
export function handleMessage(connection: Connection, frame: MessageFrame): void {
  const { nonce } = frame;
  try {
    const room = requireRoom(frame.room);
    const member = connection.members.get(room);
    if (!member) throw new ProtocolError("not_joined");
    const { userId } = requireSend(connection, room);
    const user = connection.user!;
    const data = storedMessage(
      { room, user, userId, message: frame.message, nonce, replyTo: frame.replyTo },
      connection.hub.config,
    );
    connection.owe();
    member.lane
      .publish(messageId(room, userId ?? user, nonce), data)
      .then(
        ({ seq, epoch, duplicate }) => connection.send({ type: "ack", nonce, room, seq, epoch, duplicate }),
        (error: unknown) => connection.sendError(error, { room, nonce }),
      )
      .finally(() => connection.settle());
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    connection.sendError(error, { nonce });
    connection.refused();
  }
}
