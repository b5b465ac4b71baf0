import { METHODS } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { problem, sendProblem, writeProblem } from "./problem.ts";

/** The routes that the CORS plugin adds for preflights. They exist for every path, also where nothing else does. */
const PREFLIGHT_ROUTES = new Set(["*", "/*"]);
/** A target without a path (RFC 9112, 3.2.4). */
const WHOLE_SERVER = "*";
const REQUEST_LINE = /^[\w!#$%&'*+.^`|~-]+ (\S+) HTTP\/1\.[01]\r?\n/;

interface ParserError extends NodeJS.ErrnoException {
  /** The bytes at which Node's parser gave up. */
  readonly rawPacket?: Buffer;
}

/**
 * The methods, in alphabetical order, that have a route at this URL. OPTIONS is not among them: only preflights use it.
 * @param options.exact leaves out routes that end in `*`
 */
export function allowedMethods(app: FastifyInstance, url: string, { exact } = { exact: false }): string[] {
  if (url === WHOLE_SERVER) return [];
  const methods = METHODS.filter((method) => method !== "OPTIONS") as HTTPMethods[];
  const isAllowed = (method: HTTPMethods): boolean => {
    // Fastify's type does not say that it returns null without a route.
    const route = app.findRoute({ method, url }) as ReturnType<typeof app.findRoute> | null;
    return route !== null && !(exact && "*" in route.params);
  };
  return methods.filter(isAllowed).sort();
}

/**
 * Answers 405 with `Allow` where the path has routes, but none for the method (RFC 9110, 15.5.6). The answer does not wait
 * for the body. Call this before adding routes, and after the plugins that add headers to every response.
 */
export function addMethodNotAllowed(app: FastifyInstance): void {
  // Not in onRequest: the WebSocket plugin has to see a refused handshake first, to close its socket.
  app.addHook("preParsing", (request, reply, _payload, done) => {
    if (!request.is404 || !refuseMethod(request, reply)) done(null);
  });
  app.addHook("onRequest", (request, reply, done) => {
    const { routeOptions, headers } = request;
    const isPreflight = headers["access-control-request-method"] !== undefined;
    const isOptions = PREFLIGHT_ROUTES.has(routeOptions.url ?? "") && !isPreflight && headers.upgrade === undefined;
    if (!isOptions || !refuseMethod(request, reply)) done();
  });
  // Node's parser rejects methods that it does not know, before Fastify sees the request.
  app.server.prependListener("clientError", ({ code, rawPacket }: ParserError, socket: Socket) => {
    if (code !== "HPE_INVALID_METHOD") return;
    const url = REQUEST_LINE.exec(rawPacket?.toString("latin1") ?? "")?.[1];
    const methods = url === undefined ? [] : allowedMethods(app, url);
    if (methods.length === 0) return;
    writeProblem(socket, methodNotAllowed(), { Allow: methods.join(", ") });
    socket.destroy();
  });
}

/** @returns false, without an answer, where the path has no route, or one for this method */
function refuseMethod({ server, method, raw }: FastifyRequest, reply: FastifyReply): boolean {
  const methods = allowedMethods(server, raw.url ?? "/");
  if (methods.length === 0 || methods.includes(method)) return false;
  sendProblem(reply.header("allow", methods.join(", ")), methodNotAllowed());
  return true;
}

function methodNotAllowed() {
  return problem("bad_request", { status: 405, detail: "This resource does not support the method." });
}
