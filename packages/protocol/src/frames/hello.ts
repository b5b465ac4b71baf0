import type { Static } from "typebox";
import { Type } from "typebox";
import { typeField } from "../fields.ts";
import { TOKEN_MAX_LENGTH } from "../text.ts";
import { JoinRequest } from "./join.ts";

/**
 * F1: the first frame of a full connection, within 10 s. The server answers with `welcome`. A token travels here or in
 * a header, never in a URL.
 */
export const HelloFrame = Type.Object({
  type: typeField("hello"),
  user: Type.Optional(
    Type.String({
      description: "Nickname, 1 to 100 characters. Default: `anonymous`. A name in the token replaces it.",
    }),
  ),
  token: Type.Optional(
    Type.String({ maxLength: TOKEN_MAX_LENGTH, description: "Token. It replaces one from the handshake's headers." }),
  ),
  join: Type.Optional(
    Type.Array(JoinRequest, { maxItems: 1000, description: "Rooms to join, each answered like a `join` frame." }),
  ),
});
export type HelloFrame = Static<typeof HelloFrame>;
