import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import { ERRORS, type ErrorCode, type Problem, ProtocolError } from "@madang/protocol";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";

export const PROBLEM_CONTENT_TYPE = "application/problem+json; charset=utf-8";

/** The RFC 9457 body of an error code. */
export function problem(code: ErrorCode, options: { detail?: string; field?: string; status?: number } = {}): Problem {
  return {
    type: `urn:madang:error:${code}`,
    title: ERRORS[code].message,
    status: options.status ?? ERRORS[code].status,
    code,
    ...(options.detail === undefined ? {} : { detail: options.detail }),
    ...(options.field === undefined ? {} : { field: options.field }),
  };
}

/** As much of a reply as a problem needs, whatever the server's generics. */
interface ProblemReply {
  readonly raw: { readonly destroyed: boolean };
  hijack(): unknown;
  header(name: string, value: string): unknown;
  code(status: number): {
    type(type: string): { serializer(serialize: (body: unknown) => string): { send(body: unknown): unknown } };
  };
}

/** Answers with problem+json, and with `Retry-After` (seconds) where it is known. */
export function sendProblem<R extends ProblemReply>(reply: R, body: Problem, retryAfter?: number): R {
  // Thousands may leave at once, and an answer made for each of them would hold up those who stay.
  if (reply.raw.destroyed) {
    reply.hijack();
    return reply;
  }
  if (retryAfter !== undefined) reply.header("retry-after", String(Math.ceil(retryAfter)));
  reply.code(body.status).type(PROBLEM_CONTENT_TYPE).serializer(JSON.stringify).send(body);
  return reply;
}

const UNAUTHORIZED = 401;
const UNREADABLE_STATUS: Record<string, number> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };

/** A handler of `clientError`: for what is no HTTP request, or came too slowly, or has too long a head. */
export function sendUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const status = UNREADABLE_STATUS[error.code ?? ""] ?? 400;
  writeProblem(socket, problem("bad_request", { status }));
  // Without the error: nobody listens, and a stack for each of thousands takes long.
  socket.destroy();
}

/** Answers on a socket that is HTTP's no more, or not yet. To close it afterwards is the caller's. */
export function writeProblem(socket: Writable, body: Problem, headers: Readonly<Record<string, string>> = {}): void {
  const text = JSON.stringify(body);
  const head = [`HTTP/1.1 ${body.status} ${STATUS_CODES[body.status]}`, `Content-Type: ${PROBLEM_CONTENT_TYPE}`];
  head.push(`Content-Length: ${Buffer.byteLength(text)}`, "Connection: close");
  for (const [name, value] of Object.entries(headers)) head.push(`${name}: ${value}`);
  if (socket.writable) socket.write(`${head.join("\r\n")}\r\n\r\n${text}`);
}

/** An error handler. Only what is a mistake of ours reaches the log. */
export function sendErrorProblem(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof ProtocolError) {
    const body = problem(error.code, { detail: error.message, ...(error.field ? { field: error.field } : {}) });
    // RFC 9110, 15.5.2: never without. A route that knows more has said so.
    if (body.status === UNAUTHORIZED && !reply.hasHeader("www-authenticate"))
      reply.header("www-authenticate", "Bearer");
    return sendProblem(reply, body, error.retryAfter);
  }
  if (error.validation) {
    const first = error.validation[0];
    const params = first?.params as { missingProperty?: string; additionalProperty?: string } | undefined;
    const field = params?.missingProperty ?? params?.additionalProperty ?? first?.instancePath.slice(1).split("/")[0];
    const place = error.validationContext ?? "request";
    return sendProblem(
      reply,
      problem("bad_request", {
        detail: `${place}: ${field ? `"${field}" ` : ""}${first?.message ?? "is not valid"}`,
        ...(field ? { field } : {}),
      }),
    );
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    // Fastify's own refusals (unsupported media type, body too large, bad URL): their texts do not repeat input.
    return sendProblem(reply, problem("bad_request", { status, detail: error.code ?? "" }));
  }
  request.log.error({ err: { message: error.message, code: error.code, stack: error.stack } }, "request failed");
  return sendProblem(reply, problem("internal"));
}
