import type { LogRecord } from "@madang/broker";
import { isStoredDelete, isStoredMessage, storedTarget } from "@madang/protocol";
import { eventFrame } from "../socket/websocket-frame.ts";

/** An event ready for the sockets. */
export interface FeedEvent {
  readonly seq: number;
  /** The whole WebSocket frame. */
  readonly frame: Buffer;
  /** Plain members get messages only (P1). */
  readonly isMessage: boolean;
  /** The message that an edit or a deletion is about. */
  readonly target?: number;
  /** It is a deletion: what its target said is not to be given to anybody any more. */
  readonly takesBack?: boolean;
}

/** Makes the frame of a stored event, once for all who are given it. */
export function feedEvent(epoch: string, { seq, data }: Pick<LogRecord, "seq" | "data">): FeedEvent {
  const frame = eventFrame(epoch, seq, data);
  if (isStoredMessage(data)) return { seq, frame, isMessage: true };
  const target = storedTarget(data);
  if (target === undefined) return { seq, frame, isMessage: false };
  return { seq, frame, isMessage: false, target, takesBack: isStoredDelete(data) };
}
