import type { Socket } from "node:net";
import { ERRORS, type ErrorCode, type Problem, ProtocolError } from "@madang/protocol";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { problem, sendProblem, writeProblem } from "./problem.ts";

const UNAUTHORIZED = 401;
const PARSER_STATUS: Record<string, number> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };

/** Fastify's own errors, in the terms of the closed table. Fastify's codes and texts do not reach a client. */
const FRAMEWORK_ERRORS: Record<string, { readonly code: ErrorCode; readonly detail: string }> = {
  FST_ERR_CTP_INVALID_JSON_BODY: { code: "bad_json", detail: "The body is not valid JSON." },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: "bad_json", detail: "The body is empty." },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: "bad_request",
    detail: "The length of the body differs from Content-Length.",
  },
  FST_ERR_CTP_BODY_TOO_LARGE: { code: "bad_request", detail: "The body is too large." },
};
/** For all other errors with a client's status. */
const CODE_OF_STATUS: Record<number, ErrorCode> = {
  404: "not_found",
  415: "unsupported_media_type",
  429: "rate_limited",
};

/** Answers every failure of routing, validation and routes with a problem from the closed table. */
export function addErrorHandlers(app: FastifyInstance): void {
  app.setNotFoundHandler(sendNotFound);
  app.setErrorHandler(sendError);
}

/** A handler for Fastify's `setNotFoundHandler`. */
export function sendNotFound(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendProblem(reply, problem("not_found"));
}

/** A handler for Fastify's `setErrorHandler`. It logs only unexpected errors, which are answered with 500. */
export function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof ProtocolError) {
    const body = problem(error.code, { detail: error.message, ...(error.field ? { field: error.field } : {}) });
    // RFC 9110, 15.5.2: a 401 always has a challenge. A route may have set a more specific one.
    if (body.status === UNAUTHORIZED && !reply.hasHeader("www-authenticate"))
      reply.header("www-authenticate", "Bearer");
    return sendProblem(reply, body, error.retryAfter);
  }
  if (error.validation) return sendProblem(reply, validationProblem(error));
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return sendProblem(reply, frameworkProblem(error.code, status));
  request.log.error({ err: { message: error.message, code: error.code, stack: error.stack } }, "request failed");
  return sendProblem(reply, problem("internal"));
}

/** A handler for Fastify's `clientErrorHandler`: bytes that are no HTTP request, a late request, or headers too long. */
export function sendClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const status = PARSER_STATUS[error.code ?? ""] ?? 400;
  writeProblem(socket, problem("bad_request", { status }));
  // Without the error: it has no listener, and its stack would be built for each of thousands of sockets.
  socket.destroy();
}

function validationProblem({ validation, validationContext }: FastifyError): Problem {
  const first = validation?.[0];
  const params = first?.params as { missingProperty?: string; additionalProperty?: string } | undefined;
  const field = params?.missingProperty ?? params?.additionalProperty ?? first?.instancePath.slice(1).split("/")[0];
  return problem("bad_request", {
    detail: `${validationContext ?? "request"}: ${field ? `"${field}" ` : ""}${first?.message ?? "is not valid"}`,
    ...(field ? { field } : {}),
  });
}

function frameworkProblem(frameworkCode: string | undefined, status: number): Problem {
  const known = FRAMEWORK_ERRORS[frameworkCode ?? ""];
  if (known) return problem(known.code, { status, detail: known.detail });
  const code = CODE_OF_STATUS[status] ?? "bad_request";
  return problem(code, ERRORS[code].status === status ? {} : { status });
}
