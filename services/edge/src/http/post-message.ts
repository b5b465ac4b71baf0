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
import { problem, sendProblem } from "@madang/runtime";
import type { FastifyInstance } from "fastify";
import type { EdgeServices } from "../session/services.ts";
import { submit } from "../session/submit.ts";

interface PostRoute {
  Params: { room: string };
  Body: PostMessage;
}

/** 422, as the draft of the header asks for, and not the code's own status. */
const OTHER_BODY = problem("conflict", {
  status: 422,
  field: "idempotency-key",
  detail: "This Idempotency-Key belongs to another message. Send this one with a new key.",
});

/** `POST /v1/rooms/:room/messages`, for programs: 201 when stored, 200 when its `Idempotency-Key` was stored before. */
export function postMessageRoute(app: FastifyInstance, services: EdgeServices): void {
  const schema = { querystring: NoQuery, body: PostMessage, response: { 200: PostedMessage, 201: PostedMessage } };
  app.post<PostRoute>("/v1/rooms/:room/messages", { schema }, async (request, reply) => {
    const room = requireRoom(request.params.room);
    const identity = request.identity!;
    const { message, replyTo } = request.body;
    const stored = await submit(services, {
      room,
      identity,
      user: identity.name ?? requireUser(request.body.user ?? "anonymous"),
      message,
      replyTo,
      nonce: idempotencyKey(request.raw),
      via: {
        get lane() {
          return services.log.lane(room);
        },
      },
    }).catch((error: unknown) => {
      if (error instanceof ProtocolError && error.code === "conflict") return undefined;
      throw error;
    });
    if (!stored) return sendProblem(reply, OTHER_BODY);
    const { seq, epoch, duplicate } = stored;
    return reply
      .code(duplicate ? 200 : 201)
      .send({ room, seq, epoch, position: formatPosition(epoch, seq), duplicate });
  });
}

/**
 * The nonce that a socket would send, in UTF-8. Node.js makes each byte of a header a character.
 * @throws ProtocolError `bad_request`
 */
function idempotencyKey({ headersDistinct }: IncomingMessage): string {
  const [header, ...more] = headersDistinct["idempotency-key"] ?? [randomUUID()];
  const bytes = Buffer.from(header ?? "", "latin1");
  const key = bytes.toString();
  if (more.length === 0 && isUtf8(bytes) && key !== "" && characters(key) <= NONCE_MAX_LENGTH) return key;
  throw new ProtocolError("bad_request", {
    field: "idempotency-key",
    message: `Send one Idempotency-Key, of 1 to ${NONCE_MAX_LENGTH} characters in UTF-8.`,
  });
}
