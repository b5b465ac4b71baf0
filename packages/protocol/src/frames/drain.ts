import type { Static } from "typebox";
import { Type } from "typebox";
import { typeField } from "../fields.ts";

/** F7: the server is about to close the connection with 1012. It has answered every frame that it read. */
export const DrainFrame = Type.Object({
  type: typeField("drain"),
  reconnectAfter: Type.Integer({
    minimum: 0,
    description: "Milliseconds to wait before reconnecting. Jitter is included.",
  }),
});
export type DrainFrame = Static<typeof DrainFrame>;
