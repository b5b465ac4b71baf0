import type { LogEvent } from "@madang/protocol";
import type { Changes } from "../../store/changes.ts";
import type { Position } from "../../store/position.ts";
import { projectDelete } from "./delete.ts";
import { projectEdit } from "./edit.ts";
import { projectMember } from "./member.ts";
import { projectMessage } from "./message.ts";
import { projectRoom } from "./room.ts";

/** Adds an event's changes. Each event type has its own file. */
export function projectEvent(event: LogEvent, position: Position, changes: Changes): void {
  switch (event.type) {
    case "message":
      projectMessage(event, position, changes);
      break;
    case "edit":
      projectEdit(event, position, changes);
      break;
    case "delete":
      projectDelete(event, position, changes);
      break;
    case "room":
      projectRoom(event, position, changes);
      break;
    case "member":
      projectMember(event, position, changes);
      break;
    default:
      event satisfies never;
  }
}
