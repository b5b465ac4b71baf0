import { type LeaveFrame, ProtocolError, requireStoredRoom } from "@madang/protocol";
import type { Session } from "../session.ts";

/** F5. Messages sent before are still stored and answered. */
export function handleLeave(session: Session, frame: LeaveFrame): void {
  session.allowance.takeJoin();
  if (!session.leave(requireStoredRoom(frame.room))) throw new ProtocolError("not_joined");
}
