import type { Static } from "typebox";
import { Type } from "typebox";
import { TOKEN_MAX_LENGTH } from "../text.ts";
import { JoinRequest } from "./join.ts";

/** F1: the first frame of a full connection, within 10 s. A token travels here or in a header, never in a URL. */
export const HelloFrame = Type.Object({
  type: Type.Literal("hello"),
  user: Type.Optional(Type.String()),
  token: Type.Optional(Type.String({ maxLength: TOKEN_MAX_LENGTH })),
  join: Type.Optional(Type.Array(JoinRequest, { maxItems: 1000 })),
});
export type HelloFrame = Static<typeof HelloFrame>;
