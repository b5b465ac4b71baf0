import { type MessageFrame, ProtocolError, requireNonce, requireRoom } from "@madang/protocol";
import type { Connection } from "../../socket/connection.ts";
import { messageId, storedMessage } from "../stored-message.ts";
import { requireSend } from "./send.ts";

/** F3: stored first; the ack says where. @throws ProtocolError */
export function handleMessage(connection: Connection, frame: MessageFrame): void {
  const nonce = requireNonce(frame.nonce);
  const room = requireRoom(frame.room);
  const member = connection.members.get(room);
  if (!member) throw new ProtocolError("not_joined");
  const user = connection.user!;
  const { userId } = requireSend(connection, room, user, frame.message);
  const data = storedMessage(
    { room, user, userId, message: frame.message, nonce, replyTo: frame.replyTo },
    connection.hub.config,
  );
  connection.owe();
  member.lane.publish(messageId(room, userId ?? user, nonce), data).then(
    ({ seq, epoch, duplicate }) => {
      connection.settle(true);
      connection.send({ type: "ack", nonce, room, seq, epoch, duplicate });
    },
    (error: unknown) => {
      connection.settle(false);
      connection.sendError(error, { room, nonce });
    },
  );
}
