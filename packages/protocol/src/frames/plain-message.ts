import type { Static } from "typebox";
import { Type } from "typebox";

/** P1: what the tutorial's page sends. */
export const PlainMessageFrame = Type.Object({ message: Type.String(), user: Type.String() });
export type PlainMessageFrame = Static<typeof PlainMessageFrame>;
