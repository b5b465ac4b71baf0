import type { EditEvent } from "@madang/protocol";
import type { Changes } from "../../store/changes.ts";
import type { Position } from "../../store/position.ts";

/** The log is trusted: whoever writes an edit into it has checked that its sender may. No frame does so yet. */
export function projectEdit(event: EditEvent, { epoch, seq }: Position, changes: Changes): void {
  const { room, target, message, at } = event;
  changes.edits.push({ room, target: { epoch, seq: target }, seq, message, at });
}
