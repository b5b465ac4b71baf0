import type { Static } from "typebox";
import { Type } from "typebox";

/** F1: the answer to hello. */
export const WelcomeFrame = Type.Object({
  type: Type.Literal("welcome"),
  connection: Type.String(),
  user: Type.String(),
  ping: Type.Integer({ description: "Seconds between the server's pings." }),
  limits: Type.Object({ rooms: Type.Integer(), text: Type.Integer(), frame: Type.Integer() }),
});
export type WelcomeFrame = Static<typeof WelcomeFrame>;
