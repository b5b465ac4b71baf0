import type { Static } from "typebox";
import { Type } from "typebox";
import { roomField, typeField } from "../fields.ts";

export const JoinRequest = Type.Object({
  room: roomField,
  after: Type.Optional(
    Type.String({ description: "Position of the last event that the client has. Absent: live events only." }),
  ),
});
export type JoinRequest = Static<typeof JoinRequest>;

/** F2: joins a room, live or with a replay from a position. The server answers with `joined`, or with an error. */
export const JoinFrame = Type.Object({ type: typeField("join"), ...JoinRequest.properties });
export type JoinFrame = Static<typeof JoinFrame>;
