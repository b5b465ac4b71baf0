import { isUtf8 } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import {
  characters,
  formatPosition,
  NONCE_MAX_LENGTH,
  NoQuery,
  PostedMessage,
  PostMessage,
  ProtocolError,
  requireRoom,
  requireUser,
} from "@madang/protocol";
import type { FastifyInstance } from "fastify";
import type { Hub } from "../rooms/hub.ts";
import { messageId, storedMessage } from "../session/stored-message.ts";

interface PostRoute {
  Params: { room: string };
  Body: PostMessage;
}

const MESSAGES_PATH = /^\/v1\/rooms\/[^/]+\/messages$/;

/** The methods that this edge serves itself at a path of `/v1`. */
export function methodsOfMessages(path: string): readonly string[] {
  return MESSAGES_PATH.test(path) ? ["POST"] : [];
}

/** `POST /v1/rooms/:room/messages`, for bots and webhooks: 201 when stored, 200 when its `Idempotency-Key` was stored before. */
export function postMessageRoute(app: FastifyInstance, hub: Hub): void {
  const schema = { querystring: NoQuery, body: PostMessage, response: { 200: PostedMessage, 201: PostedMessage } };
  app.post<PostRoute>("/v1/rooms/:room/messages", { schema }, async (request, reply) => {
    const room = requireRoom(request.params.room);
    const identity = request.identity!;
    hub.guard.require(identity, room, "write");
    hub.guard.takeUserSend(identity);
    const { userId } = identity;
    const user = identity.name ?? requireUser(request.body.user ?? "anonymous");
    const nonce = idempotencyKey(request.raw);
    const { message, replyTo } = request.body;
    hub.moderation.requireSend({ userId, user }, room, identity, message);
    const data = storedMessage({ room, user, userId, message, nonce, replyTo }, hub.config);
    const stored = hub.log.lane(room).publish(messageId(room, userId ?? user, nonce), data);
    stored.then(
      () => hub.counts.stored++,
      () => hub.counts.refused++,
    );
    const { seq, epoch, duplicate } = await stored;
    return reply
      .code(duplicate ? 200 : 201)
      .send({ room, seq, epoch, position: formatPosition(epoch, seq), duplicate });
  });
}

/**
 * The nonce that a socket would send, as UTF-8: of a header Node.js makes a character of each byte.
 * @throws ProtocolError `bad_request`
 */
function idempotencyKey({ headersDistinct }: IncomingMessage): string {
  const [header, ...more] = headersDistinct["idempotency-key"] ?? [randomUUID()];
  const bytes = Buffer.from(header ?? "", "latin1");
  const key = bytes.toString();
  if (more.length === 0 && isUtf8(bytes) && key !== "" && characters(key) <= NONCE_MAX_LENGTH) return key;
  throw new ProtocolError("bad_request", {
    field: "idempotency-key",
    message: `There is one Idempotency-Key, of 1 to ${NONCE_MAX_LENGTH} characters in UTF-8.`,
  });
}
