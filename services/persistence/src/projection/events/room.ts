import type { RoomEvent } from "@madang/protocol";
import { type Changes, later } from "../../store/changes.ts";
import type { Place } from "../../store/position.ts";

/** Absent fields keep their value; per field the highest place wins. */
export function projectRoom({ room, topic, status, slowModeS, at }: RoomEvent, place: Place, changes: Changes): void {
  const change = changes.room(room, at, place);
  if (topic !== undefined) change.topic = later(change.topic, { place, value: topic });
  if (status !== undefined) change.status = later(change.status, { place, value: status });
  if (slowModeS !== undefined) change.slowModeS = later(change.slowModeS, { place, value: slowModeS });
}
