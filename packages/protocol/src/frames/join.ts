import type { Static } from "typebox";
import { Type } from "typebox";

export const JoinRequest = Type.Object({
  room: Type.String(),
  after: Type.Optional(Type.String({ description: "Position of the last event seen; absent: live only." })),
});
export type JoinRequest = Static<typeof JoinRequest>;

/** F2: come into a room, from a position or live. */
export const JoinFrame = Type.Object({ type: Type.Literal("join"), ...JoinRequest.properties });
export type JoinFrame = Static<typeof JoinFrame>;
