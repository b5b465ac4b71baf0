import type { Static } from "typebox";
import { Type } from "typebox";

/** P1: the only frame of a plain client, as the Django Channels tutorial's page sends it. */
export const PlainMessageFrame = Type.Object({
  message: Type.String({ description: "Text of the message, 1 to 4,000 characters by default." }),
  user: Type.String({ description: "Nickname, 1 to 100 characters. Ignored when a token names the user." }),
});
export type PlainMessageFrame = Static<typeof PlainMessageFrame>;
