import type { DeleteEvent } from "@madang/protocol";
import type { Changes } from "../../store/changes.ts";
import type { Position } from "../../store/position.ts";

/** History stops showing the text at once; what is stored of it is the business of retention and erasure. */
export function projectDelete(event: DeleteEvent, { epoch, seq }: Position, changes: Changes): void {
  const { room, target, at } = event;
  changes.deletes.push({ room, target: { epoch, seq: target }, seq, at });
}
