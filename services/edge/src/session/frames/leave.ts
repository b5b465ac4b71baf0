import { type LeaveFrame, ProtocolError, requireRoom } from "@madang/protocol";
import type { Connection } from "../../socket/connection.ts";

/** F5. Messages sent before are still stored and answered. */
export function handleLeave(connection: Connection, frame: LeaveFrame): void {
  connection.allowance.takeJoin();
  if (!connection.leaveRoom(requireRoom(frame.room))) throw new ProtocolError("not_joined");
}
