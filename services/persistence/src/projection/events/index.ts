import type { LogEvent } from "@madang/protocol";
import type { Changes } from "../../store/changes.ts";
import type { Place } from "../../store/position.ts";
import { projectDelete } from "./delete.ts";
import { projectEdit } from "./edit.ts";
import { projectMember } from "./member.ts";
import { projectMessage } from "./message.ts";
import { projectRoom } from "./room.ts";

/** Adds what an event changes. One type, one file. */
export function projectEvent(event: LogEvent, place: Place, changes: Changes): void {
  switch (event.type) {
    case "message":
      projectMessage(event, place, changes);
      break;
    case "edit":
      projectEdit(event, place, changes);
      break;
    case "delete":
      projectDelete(event, place, changes);
      break;
    case "room":
      projectRoom(event, place, changes);
      break;
    case "member":
      projectMember(event, place, changes);
      break;
    default:
      event satisfies never;
  }
}
