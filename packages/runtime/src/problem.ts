import { STATUS_CODES } from "node:http";
import type { Writable } from "node:stream";
import { ERRORS, type ErrorCode, type Problem } from "@madang/protocol";

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

/** The part of a Fastify reply that a problem needs, independent of the server's type parameters. */
interface ProblemReply {
  readonly raw: { readonly destroyed: boolean };
  hijack(): unknown;
  header(name: string, value: string): unknown;
  code(status: number): {
    type(type: string): { serializer(serialize: (body: unknown) => string): { send(body: unknown): unknown } };
  };
}

/**
 * Sends a problem as the response.
 * @param retryAfter seconds, sent in `Retry-After` as whole seconds, rounded up
 */
export function sendProblem<R extends ProblemReply>(reply: R, body: Problem, retryAfter?: number): R {
  // Thousands of clients may disconnect at once. Serializing a response for each would delay the others.
  if (reply.raw.destroyed) {
    reply.hijack();
    return reply;
  }
  if (retryAfter !== undefined) reply.header("retry-after", String(Math.ceil(retryAfter)));
  reply.code(body.status).type(PROBLEM_CONTENT_TYPE).serializer(JSON.stringify).send(body);
  return reply;
}

/** Writes a problem to a socket that has left HTTP, or did not reach it. The caller closes the socket. */
export function writeProblem(socket: Writable, body: Problem, headers: Readonly<Record<string, string>> = {}): void {
  const text = JSON.stringify(body);
  const head = [`HTTP/1.1 ${body.status} ${STATUS_CODES[body.status]}`, `Content-Type: ${PROBLEM_CONTENT_TYPE}`];
  head.push(`Content-Length: ${Buffer.byteLength(text)}`, "Connection: close");
  for (const [name, value] of Object.entries(headers)) head.push(`${name}: ${value}`);
  if (socket.writable) socket.write(`${head.join("\r\n")}\r\n\r\n${text}`);
}
