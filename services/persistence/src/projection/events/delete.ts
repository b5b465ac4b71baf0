import type { DeleteEvent } from "@madang/protocol";
import type { Changes } from "../../store/changes.ts";
import type { Position } from "../../store/position.ts";

/** History stops showing the text. The store keeps it until retention or an erasure removes it. */
export function projectDelete(event: DeleteEvent, { epoch, seq }: Position, changes: Changes): void {
  const { room, target, at } = event;
  changes.deletes.push({ room, target: { epoch, seq: target }, seq, at });
}
