import type { EditEvent } from "@madang/protocol";
import type { Changes } from "../changes.ts";
import type { Place } from "../keys.ts";

/** The edge has checked that the sender may: the log is trusted here. */
export function projectEdit(event: EditEvent, { epoch, seq }: Place, changes: Changes): void {
  const { room, target, message, at } = event;
  changes.edits.push({ room, target: { epoch, seq: target }, seq, message, at });
}
