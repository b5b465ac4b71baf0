import type { MemberEvent } from "@madang/protocol";
import type { Changes } from "../../store/changes.ts";
import type { Position } from "../../store/position.ts";

/** Makes the room known, and that is all: what holds is a rule, which lives apart from the log and is not history. */
export function projectMember({ room, at }: MemberEvent, position: Position, changes: Changes): void {
  changes.room(room, at, position);
}
