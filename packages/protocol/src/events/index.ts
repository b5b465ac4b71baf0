/** The events of the log: each is one JSON object, and each type has its own file. */

import type { Static } from "typebox";
import { Type } from "typebox";
import { epochField, seqField } from "../fields.ts";
import { DeleteEvent } from "./delete.ts";
import { EditEvent } from "./edit.ts";
import { MemberEvent } from "./member.ts";
import { MessageEvent } from "./message.ts";
import { RoomEvent } from "./room.ts";

export { RoomStatus } from "./room.ts";
export { DeleteEvent, EditEvent, MemberEvent, MessageEvent, RoomEvent };

export const LogEvent = Type.Union([MessageEvent, EditEvent, DeleteEvent, RoomEvent, MemberEvent]);
export type LogEvent = Static<typeof LogEvent>;

/** Fields that the edge adds to an event when it sends it: its place in the log. */
export const Place = Type.Object({ epoch: epochField, seq: seqField });
export type Place = Static<typeof Place>;

/** An event as clients receive it: with its place in the log. */
export type Placed<E extends LogEvent = LogEvent> = E & Place;
