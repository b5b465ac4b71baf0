import type { MemberEvent } from "@madang/protocol";
import type { Changes } from "../../store/changes.ts";
import type { Position } from "../../store/position.ts";

/** Only creates the room. Bans and mutes are rules, which are stored apart from the log and are not history. */
export function projectMember({ room, at }: MemberEvent, position: Position, changes: Changes): void {
  changes.room(room, at, position);
}
