import type { Static } from "typebox";
import { Type } from "typebox";
import { ERRORS } from "../errors.ts";

/** Something that was asked was not done. `user` is always "system", which is what the tutorial's page shows (P2). */
export const ErrorFrame = Type.Object({
  type: Type.Literal("error"),
  user: Type.Literal("system"),
  code: Type.Enum(Object.keys(ERRORS) as (keyof typeof ERRORS)[]),
  message: Type.String(),
  temporary: Type.Boolean(),
  room: Type.Optional(Type.String()),
  nonce: Type.Optional(Type.String()),
  field: Type.Optional(Type.String()),
  retryAfter: Type.Optional(Type.Number({ minimum: 0, description: "Seconds." })),
});
export type ErrorFrame = Static<typeof ErrorFrame>;
