import type { EditEvent } from "@madang/protocol";
import type { Changes } from "../../store/changes.ts";
import type { Position } from "../../store/position.ts";

/** Trusts the log: the writer of an edit checks the sender's permission. No frame writes edits yet. */
export function projectEdit(event: EditEvent, { epoch, seq }: Position, changes: Changes): void {
  const { room, target, message, at } = event;
  changes.edits.push({ room, target: { epoch, seq: target }, seq, message, at });
}
