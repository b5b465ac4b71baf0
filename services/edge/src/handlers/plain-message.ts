import type { PlainMessageFrame } from "@madang/protocol";
import { requireUser } from "@madang/protocol";
import type { Connection } from "../connection.ts";
import { storedMessage } from "../message.ts";
import { requireSend } from "./send.ts";

/** P1: there is no ack; the message itself comes back. P2: an error does, too. */
export function handlePlainMessage(connection: Connection, frame: PlainMessageFrame): void {
  const [member] = connection.members.values();
  if (!member) return;
  const room = member.room.name;
  const { userId, name } = requireSend(connection, room);
  const user = name ?? requireUser(frame.user);
  const data = storedMessage({ room, user, userId, message: frame.message }, connection.hub.config);
  connection.owe();
  member.lane.publish(connection.nextMessageId(), data).then(
    () => connection.settle(true),
    (error: unknown) => {
      connection.settle(false);
      connection.sendError(error);
    },
  );
}
