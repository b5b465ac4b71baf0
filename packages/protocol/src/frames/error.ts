import type { Static } from "typebox";
import { Type } from "typebox";
import { ERRORS } from "../errors.ts";
import { typeField } from "../fields.ts";

/** The server refused a frame, or ends the client's stay in a room or on the connection. */
export const ErrorFrame = Type.Object({
  type: typeField("error"),
  // P2: the tutorial's page shows an error as a message of this user.
  user: Type.Literal("system", { description: "Always `system`." }),
  code: Type.Enum(Object.keys(ERRORS) as (keyof typeof ERRORS)[], { description: "Code from the table of errors." }),
  message: Type.String({ description: "English text for people. It may change between versions." }),
  temporary: Type.Boolean({ description: "Whether the same request may succeed later, unchanged." }),
  room: Type.Optional(Type.String({ description: "Room that the error concerns." })),
  nonce: Type.Optional(Type.String({ description: "Nonce of the refused message." })),
  field: Type.Optional(Type.String({ description: "Field of the frame that is invalid." })),
  retryAfter: Type.Optional(
    Type.Number({ minimum: 0, description: "Seconds to wait before a retry, where the server knows." }),
  ),
});
export type ErrorFrame = Static<typeof ErrorFrame>;
