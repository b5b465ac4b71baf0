import { ProtocolError, type UpFrame } from "@madang/protocol";
import type { Session } from "../session.ts";
import type { Sessions } from "../sessions.ts";
import { handleHello } from "./hello.ts";
import { handleJoin } from "./join.ts";
import { handleLeave } from "./leave.ts";
import { handleMessage } from "./message.ts";
import { handleRefresh } from "./refresh.ts";
import { handleTyping } from "./typing.ts";

/** One file per frame; a frame of the contract without a handler does not compile. @throws ProtocolError */
export function handleFrame(session: Session, sessions: Sessions, frame: UpFrame): void {
  if (frame.type === "hello") return handleHello(session, sessions, frame);
  if (session.user === undefined) throw new ProtocolError("bad_frame", { field: "type", message: "Say hello first." });
  switch (frame.type) {
    case "join":
      return handleJoin(session, frame);
    case "leave":
      return handleLeave(session, frame);
    case "message":
      return handleMessage(session, frame);
    case "refresh":
      return handleRefresh(session, frame);
    case "typing":
      return handleTyping(session, frame);
    default:
      return frame satisfies never;
  }
}
