import { ProtocolError, type UpFrame } from "@madang/protocol";
import type { Connection } from "../../socket/connection.ts";
import { handleHello } from "./hello.ts";
import { handleJoin } from "./join.ts";
import { handleLeave } from "./leave.ts";
import { handleMessage } from "./message.ts";
import { handleRefresh } from "./refresh.ts";
import { handleTyping } from "./typing.ts";

/** One file per frame; a frame of the contract without a handler does not compile. @throws ProtocolError */
export function handleFrame(connection: Connection, frame: UpFrame): void {
  if (frame.type === "hello") return handleHello(connection, frame);
  if (connection.user === undefined)
    throw new ProtocolError("bad_frame", { field: "type", message: "Say hello first." });
  switch (frame.type) {
    case "join":
      return handleJoin(connection, frame);
    case "leave":
      return handleLeave(connection, frame);
    case "message":
      return handleMessage(connection, frame);
    case "refresh":
      return handleRefresh(connection, frame);
    case "typing":
      return handleTyping(connection, frame);
    default:
      return frame satisfies never;
  }
}
