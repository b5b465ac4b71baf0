import type { Static } from "typebox";
import { Type } from "typebox";
import { atField, roomField, typeField, userField } from "../fields.ts";

export const RoomStatus = Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)], {
  description: "0: open. 1: read-only. 2: closed.",
});
export type RoomStatus = Static<typeof RoomStatus>;

/** The settings of the room changed. Absent fields keep their value; for each field the highest `seq` wins. */
export const RoomEvent = Type.Object({
  type: typeField("room"),
  room: roomField,
  user: userField,
  topic: Type.Optional(Type.String({ maxLength: 500, description: "Topic of the room, up to 500 characters." })),
  status: Type.Optional(RoomStatus),
  slowModeS: Type.Optional(
    Type.Integer({ minimum: 0, description: "Slow mode: seconds between two messages of one user. 0: off." }),
  ),
  cleared: Type.Optional(
    Type.Literal(true, { description: "The room was deleted: drop every event of it with a lower `seq`." }),
  ),
  at: atField,
});
export type RoomEvent = Static<typeof RoomEvent>;
