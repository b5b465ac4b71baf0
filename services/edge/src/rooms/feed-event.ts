import type { LogRecord } from "@madang/broker";
import { isStoredClearing, isStoredDelete, isStoredMessage, storedTarget } from "@madang/protocol";
import { eventFrame } from "../socket/websocket-frame.ts";

/** An event ready for the sockets. */
export interface FeedEvent {
  readonly seq: number;
  /** The whole WebSocket frame. */
  readonly frame: Buffer;
  /** Plain members get messages only (P1). */
  readonly isMessage: boolean;
  /** The sequence of the message that an edit or delete changes. */
  readonly target?: number;
  /** It is a delete: its target's text must not be delivered again. */
  readonly isDelete?: boolean;
  /** It is a clearing, because the room was deleted: no event before this one may be delivered again. */
  readonly isClearing?: boolean;
}

/** Builds the frame of a stored event, once for all members. */
export function feedEvent(epoch: string, { seq, data }: Pick<LogRecord, "seq" | "data">): FeedEvent {
  const frame = eventFrame(epoch, seq, data);
  if (isStoredMessage(data)) return { seq, frame, isMessage: true };
  const target = storedTarget(data);
  if (target === undefined) return { seq, frame, isMessage: false, isClearing: isStoredClearing(data) };
  return { seq, frame, isMessage: false, target, isDelete: isStoredDelete(data) };
}
