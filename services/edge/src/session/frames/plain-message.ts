import type { PlainMessageFrame } from "@madang/protocol";
import { requireUser } from "@madang/protocol";
import type { Connection } from "../../socket/connection.ts";
import { storedMessage } from "../stored-message.ts";
import { requireSend } from "./send.ts";

/** Without a token this is where somebody is known by name for the first time. */
function isBanned(connection: Connection, user: string): boolean {
  try {
    connection.hub.moderation.requireEntrance({ userId: connection.identity?.userId, user });
    return false;
  } catch (error) {
    connection.sendError(error);
    return true;
  }
}

/** P1: there is no ack; the message itself comes back. P2: an error does, too. */
export function handlePlainMessage(connection: Connection, frame: PlainMessageFrame): void {
  const [member] = connection.members.values();
  if (!member) return;
  const room = member.room.name;
  const user = connection.identity!.name ?? requireUser(frame.user);
  connection.spokenAs = user;
  if (isBanned(connection, user)) return connection.close("removed");
  const { userId } = requireSend(connection, room, user, frame.message);
  const data = storedMessage({ room, user, userId, message: frame.message }, connection.hub.config);
  connection.owe();
  member.lane.publish(connection.nextMessageId(), data).then(
    ({ seq }) => {
      member.said = Math.max(member.said, seq);
      connection.settle(true);
    },
    (error: unknown) => {
      connection.settle(false);
      connection.sendError(error);
    },
  );
}
