import type { Static } from "typebox";
import { Type } from "typebox";
import { atField, nonceField, roomField, textField, typeField, userField, userIdField } from "../fields.ts";

/** The text of an earlier message changed. Of several edits, the one with the highest `seq` wins. */
export const EditEvent = Type.Object({
  type: typeField("edit"),
  room: roomField,
  user: userField,
  userId: Type.Optional(userIdField),
  target: Type.Integer({ minimum: 1, description: "`seq` of the edited message." }),
  message: textField,
  at: atField,
  nonce: Type.Optional(nonceField),
});
export type EditEvent = Static<typeof EditEvent>;
