import type { Static } from "typebox";
import { Type } from "typebox";
import { atField, nonceField, roomField, typeField, userField, userIdField } from "../fields.ts";

/** The author or a moderator deleted an earlier message. A delete wins over every edit. */
export const DeleteEvent = Type.Object({
  type: typeField("delete"),
  room: roomField,
  user: userField,
  userId: Type.Optional(userIdField),
  target: Type.Integer({ minimum: 1, description: "`seq` of the deleted message." }),
  erased: Type.Optional(
    Type.Literal(true, { description: "The author was erased: drop the name and the identifiers, too." }),
  ),
  at: atField,
  nonce: Type.Optional(nonceField),
});
export type DeleteEvent = Static<typeof DeleteEvent>;
