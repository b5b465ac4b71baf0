/** What the log holds: one JSON object an event, one file an event type. */

import type { Static } from "typebox";
import { Type } from "typebox";
import { DeleteEvent } from "./delete.ts";
import { EditEvent } from "./edit.ts";
import { MemberEvent } from "./member.ts";
import { MessageEvent } from "./message.ts";
import { RoomEvent } from "./room.ts";

export { RoomStatus } from "./room.ts";
export { DeleteEvent, EditEvent, MemberEvent, MessageEvent, RoomEvent };

export const LogEvent = Type.Union([MessageEvent, EditEvent, DeleteEvent, RoomEvent, MemberEvent]);
export type LogEvent = Static<typeof LogEvent>;

/** An event as a client sees it: with its place in the log. */
export type Placed<E extends LogEvent = LogEvent> = E & { seq: number; epoch: string };
