import type { PlainMessageFrame } from "@madang/protocol";
import { requireUser } from "@madang/protocol";
import type { Connection } from "../connection.ts";
import { storedMessage } from "../message.ts";

/** P1: there is no ack; the message itself comes back. P2: an error does, too. */
export function handlePlainMessage(connection: Connection, frame: PlainMessageFrame): void {
  const [member] = connection.members.values();
  if (!member) return;
  const room = member.room.name;
  const data = storedMessage({ room, user: requireUser(frame.user), message: frame.message }, connection.hub.config);
  connection.owe();
  member.lane
    .publish(connection.nextMessageId(), data)
    .catch((error: unknown) => connection.sendError(error))
    .finally(() => connection.settle());
}
