import type { Static } from "typebox";
import { Type } from "typebox";
import { TOKEN_MAX_LENGTH } from "../text.ts";

/** F5: a new token before the old one expires. */
export const RefreshFrame = Type.Object({
  type: Type.Literal("refresh"),
  token: Type.String({ maxLength: TOKEN_MAX_LENGTH }),
});
export type RefreshFrame = Static<typeof RefreshFrame>;
