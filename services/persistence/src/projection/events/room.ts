import type { RoomEvent } from "@madang/protocol";
import { type Changes, later } from "../../store/changes.ts";
import type { Position } from "../../store/position.ts";

/**
 * Absent fields keep their value. For each field the event with the highest position wins. The event that a deletion
 * leaves is not stored: it would create the room again.
 */
export function projectRoom(
  { room, topic, status, slowModeS, cleared, at }: RoomEvent,
  position: Position,
  changes: Changes,
): void {
  if (cleared) return;
  const change = changes.room(room, at, position);
  if (topic !== undefined) change.topic = later(change.topic, { position, value: topic });
  if (status !== undefined) change.status = later(change.status, { position, value: status });
  if (slowModeS !== undefined) change.slowModeS = later(change.slowModeS, { position, value: slowModeS });
}
