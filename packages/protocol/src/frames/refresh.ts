import type { Static } from "typebox";
import { Type } from "typebox";

/** F5: a new token before the old one expires. */
export const RefreshFrame = Type.Object({ type: Type.Literal("refresh"), token: Type.String({ maxLength: 8192 }) });
export type RefreshFrame = Static<typeof RefreshFrame>;
