import type { Static } from "typebox";
import { Type } from "typebox";

/** 0 open, 1 read-only, 2 closed. */
export const RoomStatus = Type.Union([Type.Literal(0), Type.Literal(1), Type.Literal(2)]);
export type RoomStatus = Static<typeof RoomStatus>;

/** The room itself changed. Absent fields keep their value; per field the highest seq wins. */
export const RoomEvent = Type.Object({
  type: Type.Literal("room"),
  room: Type.String(),
  user: Type.String(),
  topic: Type.Optional(Type.String({ maxLength: 500 })),
  status: Type.Optional(RoomStatus),
  slowModeS: Type.Optional(Type.Integer({ minimum: 0, description: "Seconds between two messages of one person." })),
  at: Type.String(),
});
export type RoomEvent = Static<typeof RoomEvent>;
