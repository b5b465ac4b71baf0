/** The bodies of the HTTP API. The OpenAPI document is generated from these schemas, and they check every response. */

import type { Static } from "typebox";
import { Type } from "typebox";
import { RoomStatus } from "./events/index.ts";
import { epochField, nonceField, positionField, roomField, seqField, userField, userIdField } from "./fields.ts";

export const HistoryMessage = Type.Object({
  seq: seqField,
  epoch: epochField,
  position: positionField,
  user: userField,
  userId: Type.Optional(userIdField),
  message: Type.String({ description: "Text of the message, after edits. Empty if `deleted`." }),
  at: Type.String({ description: "Time of the message, ISO 8601 in UTC." }),
  nonce: Type.Optional(nonceField),
  replyTo: Type.Optional(Type.Integer({ description: "`seq` of the message that this one answers." })),
  editedAt: Type.Optional(Type.String({ description: "Time of the last edit, ISO 8601 in UTC." })),
  deleted: Type.Optional(Type.Boolean({ description: "`true` if the message was deleted." })),
});
export type HistoryMessage = Static<typeof HistoryMessage>;

export const HistoryPage = Type.Object({
  room: roomField,
  epoch: epochField,
  messages: Type.Array(HistoryMessage, { description: "Messages in ascending order." }),
  foundOldest: Type.Boolean({ description: "Whether the page contains the room's oldest message." }),
  foundNewest: Type.Boolean({ description: "Whether the page contains the room's newest message." }),
  position: Type.String({
    description: "Join with this position as `after`. If `foundNewest`, no message is missing and none repeated.",
  }),
  behind: Type.Optional(
    Type.Boolean({
      description: "`true` if messages older than a second may be missing at the newest end. A join brings them.",
    }),
  ),
});
export type HistoryPage = Static<typeof HistoryPage>;

/** For routes without query parameters: the server refuses an unknown parameter. */
export const NoQuery = Type.Object({}, { additionalProperties: false });

export const HistoryQuery = Type.Object(
  {
    before: Type.Optional(Type.String({ description: "Position. The page ends before it." })),
    after: Type.Optional(Type.String({ description: "Position. The page begins after it." })),
    around: Type.Optional(Type.String({ description: "Position. The page has messages on both sides, and it." })),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, default: 50, description: "Messages on the page, at most." }),
    ),
  },
  { additionalProperties: false },
);
export type HistoryQuery = Static<typeof HistoryQuery>;

export const Room = Type.Object({
  room: roomField,
  topic: Type.String({ description: "Topic of the room." }),
  status: RoomStatus,
  slowModeS: Type.Optional(
    Type.Integer({ description: "Slow mode: seconds between two messages of one user. 0: off." }),
  ),
  createdAt: Type.String({ description: "Time of creation, ISO 8601 in UTC." }),
  lastMessageAt: Type.Optional(Type.String({ description: "Time of the newest message, ISO 8601 in UTC." })),
  lastPosition: Type.Optional(Type.String({ description: "Position of the newest message." })),
});
export type Room = Static<typeof Room>;

export const RoomList = Type.Object({
  rooms: Type.Array(Room, { description: "Rooms of this page." }),
  next: Type.Optional(Type.String({ description: "Value of `after` for the next page. Absent on the last page." })),
});
export type RoomList = Static<typeof RoomList>;

/** `POST /v1/rooms/:room/messages`, for bots and webhooks. The `Idempotency-Key` header is the nonce. */
export const PostMessage = Type.Object(
  {
    message: Type.String({ description: "Text of the message, 1 to 4,000 characters by default." }),
    user: Type.Optional(
      Type.String({ description: "Nickname. Default: `anonymous`. Ignored when a token names the user." }),
    ),
    replyTo: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "`seq` of the message that this one answers.",
      }),
    ),
  },
  { additionalProperties: false },
);
export type PostMessage = Static<typeof PostMessage>;

export const PostedMessage = Type.Object({
  room: roomField,
  seq: seqField,
  epoch: epochField,
  position: positionField,
  duplicate: Type.Boolean({ description: "`true` if an earlier request with this key was stored, as `seq`." }),
});
export type PostedMessage = Static<typeof PostedMessage>;

/** An error response, `application/problem+json` (RFC 9457). */
export const Problem = Type.Object({
  type: Type.String({ description: "URN of the error, `urn:madang:error:<code>`." }),
  title: Type.String({ description: "English text of the error." }),
  status: Type.Integer({ description: "HTTP status." }),
  code: Type.String({ description: "Code from the table of errors." }),
  detail: Type.Optional(Type.String({ description: "What is wrong with this request." })),
  field: Type.Optional(Type.String({ description: "Parameter, property or header that is invalid." })),
});
export type Problem = Static<typeof Problem>;
