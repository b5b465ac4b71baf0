import { randomUUID } from "node:crypto";
import {
  formatPosition,
  NONCE_MAX_LENGTH,
  PostedMessage,
  PostMessage,
  ProtocolError,
  requireRoom,
  requireUser,
} from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import type { Hub } from "../hub.ts";
import { messageId, storedMessage } from "../message.ts";

interface PostRoute {
  Params: { room: string };
  Body: PostMessage;
}

/** `POST /v1/rooms/:room/messages`, for bots and webhooks: 201 when stored, 200 when its `Idempotency-Key` was stored before. */
export function postMessageRoute(app: FastifyInstance, hub: Hub): void {
  const schema = { body: PostMessage, response: { 200: PostedMessage, 201: PostedMessage } };
  app.post<PostRoute>("/v1/rooms/:room/messages", { schema }, async (request, reply) => {
    const room = requireRoom(request.params.room);
    const identity = request.identity!;
    hub.guard.require(identity, room, "write");
    hub.guard.takeUserSend(identity);
    const { userId } = identity;
    const user = identity.name ?? requireUser(request.body.user ?? "anonymous");
    const nonce = idempotencyKey(request.headers["idempotency-key"]);
    const { message, replyTo } = request.body;
    hub.moderation.requireSend({ userId, user }, room, identity, message);
    const data = storedMessage({ room, user, userId, message, nonce, replyTo }, hub.config);
    const { seq, epoch, duplicate } = await hub.log.lane(room).publish(messageId(room, userId ?? user, nonce), data);
    return reply
      .code(duplicate ? 200 : 201)
      .send({ room, seq, epoch, position: formatPosition(epoch, seq), duplicate });
  });
}

/** @throws ProtocolError `bad_request` */
function idempotencyKey(header: string | string[] | undefined): string {
  if (header === undefined) return randomUUID();
  if (typeof header !== "string" || header.length === 0 || header.length > NONCE_MAX_LENGTH) {
    throw new ProtocolError("bad_request", {
      field: "idempotency-key",
      message: `Idempotency-Key has 1 to ${NONCE_MAX_LENGTH} characters.`,
    });
  }
  return header;
}
