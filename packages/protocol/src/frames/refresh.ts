import type { Static } from "typebox";
import { Type } from "typebox";
import { typeField } from "../fields.ts";
import { TOKEN_MAX_LENGTH } from "../text.ts";

/** F5: replaces the connection's token before it expires. The server answers with `welcome`. */
export const RefreshFrame = Type.Object({
  type: typeField("refresh"),
  token: Type.String({ maxLength: TOKEN_MAX_LENGTH, description: "New token of the same user." }),
});
export type RefreshFrame = Static<typeof RefreshFrame>;
