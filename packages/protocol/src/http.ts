/** The bodies of the HTTP API. OpenAPI is made from these schemas, and every response is checked against them. */

import type { Static } from "typebox";
import { Type } from "typebox";
import { RoomStatus } from "./events/index.ts";

export const HistoryMessage = Type.Object({
  seq: Type.Integer({ minimum: 1 }),
  epoch: Type.String(),
  position: Type.String(),
  user: Type.String(),
  userId: Type.Optional(Type.String()),
  message: Type.String({ description: 'Empty when "deleted".' }),
  at: Type.String(),
  nonce: Type.Optional(Type.String()),
  replyTo: Type.Optional(Type.Integer()),
  editedAt: Type.Optional(Type.String()),
  deleted: Type.Optional(Type.Boolean()),
});
export type HistoryMessage = Static<typeof HistoryMessage>;

export const HistoryPage = Type.Object({
  room: Type.String(),
  epoch: Type.String(),
  messages: Type.Array(HistoryMessage, { description: "Ascending." }),
  foundOldest: Type.Boolean(),
  foundNewest: Type.Boolean(),
  position: Type.String({
    description: "Join with after=<position>: with this page's newest end there is neither a hole nor a double.",
  }),
});
export type HistoryPage = Static<typeof HistoryPage>;

/** Of a route that takes none: one that is not known is refused, not passed over in silence. */
export const NoQuery = Type.Object({}, { additionalProperties: false });

export const HistoryQuery = Type.Object(
  {
    before: Type.Optional(Type.String({ description: "Position; messages older than it." })),
    after: Type.Optional(Type.String({ description: "Position; messages newer than it." })),
    around: Type.Optional(Type.String({ description: "Position; messages on both sides of it, it included." })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })),
  },
  { additionalProperties: false },
);
export type HistoryQuery = Static<typeof HistoryQuery>;

export const Room = Type.Object({
  room: Type.String(),
  topic: Type.String(),
  status: RoomStatus,
  slowModeS: Type.Optional(Type.Integer({ description: "Seconds between two messages of one person." })),
  createdAt: Type.String(),
  lastMessageAt: Type.Optional(Type.String()),
  lastPosition: Type.Optional(Type.String()),
});
export type Room = Static<typeof Room>;

export const RoomList = Type.Object({ rooms: Type.Array(Room), next: Type.Optional(Type.String()) });
export type RoomList = Static<typeof RoomList>;

/** `POST /v1/rooms/:room/messages`, for bots and webhooks. `Idempotency-Key` is its nonce. */
export const PostMessage = Type.Object(
  {
    message: Type.String(),
    user: Type.Optional(Type.String()),
    replyTo: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
  },
  { additionalProperties: false },
);
export type PostMessage = Static<typeof PostMessage>;

export const PostedMessage = Type.Object({
  room: Type.String(),
  seq: Type.Integer({ minimum: 1 }),
  epoch: Type.String(),
  position: Type.String(),
  duplicate: Type.Boolean(),
});
export type PostedMessage = Static<typeof PostedMessage>;

/** RFC 9457. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.Optional(Type.String()),
  field: Type.Optional(Type.String()),
});
export type Problem = Static<typeof Problem>;
