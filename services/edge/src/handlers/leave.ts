import { type LeaveFrame, ProtocolError, requireRoom } from "@madang/protocol";
import type { Connection } from "../connection.ts";

/** F5. Messages sent before are still stored and answered. */
export function handleLeave(connection: Connection, frame: LeaveFrame): void {
  const room = requireRoom(frame.room);
  const member = connection.members.get(room);
  if (!member) throw new ProtocolError("not_joined");
  member.leave();
  connection.members.delete(room);
  connection.send({ type: "left", room });
}
