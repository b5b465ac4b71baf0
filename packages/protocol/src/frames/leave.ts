import type { Static } from "typebox";
import { Type } from "typebox";
import { roomField, typeField } from "../fields.ts";

/** F5: leaves a room. The server answers with `left`, or with the error `not_joined`. */
export const LeaveFrame = Type.Object({ type: typeField("leave"), room: roomField });
export type LeaveFrame = Static<typeof LeaveFrame>;
