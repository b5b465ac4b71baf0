/** Fields that several frames, events and HTTP bodies share, each described once. */
import { Type } from "typebox";

/** The discriminator of a frame or an event. */
export const typeField = <const Name extends string>(name: Name) =>
  Type.Literal(name, { description: `Always \`${name}\`.` });

export const roomField = Type.String({ description: "Room name, 1 to 100 characters." });
export const userField = Type.String({ description: "Display name, 1 to 100 characters." });
export const userIdField = Type.String({ description: "The `sub` claim of the user's token. Absent without a token." });
export const textField = Type.String({ description: "Text of the message, 1 to 4,000 characters by default." });
export const atField = Type.String({ description: "Time of the event, ISO 8601 in UTC, by the edge's clock." });
export const epochField = Type.String({ description: "Epoch of the log." });
export const seqField = Type.Integer({ minimum: 1, description: "Sequence of the event in the log, from 1." });
export const positionField = Type.String({ description: "Position of the event, `<epoch>.<seq>`." });
export const nonceField = Type.String({ description: "Nonce that the sender chose for this event." });
