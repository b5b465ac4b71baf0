import { type MessageFrame, ProtocolError, requireRoom } from "@madang/protocol";
import type { Connection } from "../connection.ts";
import { messageId, storedMessage } from "../message.ts";
import { requireSend } from "./send.ts";

/** A room name that is not one is repeated this far at most. */
const ECHO_MAX_LENGTH = 200;

/** F3: stored first; the ack says where. */
export function handleMessage(connection: Connection, frame: MessageFrame): void {
  const { nonce } = frame;
  try {
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
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    connection.sendError(error, { room: frame.room.slice(0, ECHO_MAX_LENGTH), nonce });
    connection.refused();
  }
}
