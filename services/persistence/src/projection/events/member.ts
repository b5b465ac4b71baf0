import type { MemberEvent } from "@madang/protocol";
import type { Changes } from "../../store/changes.ts";
import type { Place } from "../../store/position.ts";

/** Makes the room known, and that is all: what holds is a rule, which lives apart from the log and is not history. */
export function projectMember({ room, at }: MemberEvent, place: Place, changes: Changes): void {
  changes.room(room, at, place);
}
