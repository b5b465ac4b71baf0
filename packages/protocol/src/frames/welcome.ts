import type { Static } from "typebox";
import { Type } from "typebox";
import { typeField } from "../fields.ts";

/** F1, F5: the answer to `hello` and to `refresh`. */
export const WelcomeFrame = Type.Object({
  type: typeField("welcome"),
  connection: Type.String({ description: "Id of this connection, as it appears in the server's log." }),
  user: Type.String({ description: "Display name of this client. A name in the token replaces the nickname." }),
  ping: Type.Integer({ description: "Seconds between the server's pings." }),
  limits: Type.Object(
    {
      rooms: Type.Integer({ description: "Rooms that one connection may join." }),
      text: Type.Integer({ description: "Longest text of a message, in characters (code points)." }),
      frame: Type.Integer({ description: "Largest frame that the server accepts, in bytes." }),
    },
    { description: "Limits of this server." },
  ),
});
export type WelcomeFrame = Static<typeof WelcomeFrame>;
