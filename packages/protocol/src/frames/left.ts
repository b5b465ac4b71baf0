import type { Static } from "typebox";
import { Type } from "typebox";
import { roomField, typeField } from "../fields.ts";

/**
 * F5: the answer to `leave`. The room sends no event after it. The server also sends it unasked when it removes the
 * client from the room; an `error` with the same `room` follows and gives the reason.
 */
export const LeftFrame = Type.Object({ type: typeField("left"), room: roomField });
export type LeftFrame = Static<typeof LeftFrame>;
