import { type IncomingHttpHeaders, METHODS } from "node:http";
import { ProtocolError } from "@madang/protocol";
import { allowedMethods } from "@madang/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type { PersistenceClient } from "../history/persistence-client.ts";

const ANSWER_LIMIT_MS = 5000;
const METHOD_NOT_ALLOWED = 405;
/** The persistence service decides which methods a path knows. CONNECT has no path. */
const EVERY_METHOD = METHODS.filter((method) => method !== "CONNECT") as HTTPMethods[];
const SAFE_METHODS = new Set(["GET", "HEAD"]);
const DOTS = /^(?:\.|%2e){1,2}$/i;
/** Headers about one connection (RFC 9110, 7.6.1), which are never forwarded. */
const HOP_BY_HOP = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
/** Request headers that the edge itself answers, replaces, or must not disclose. */
const NOT_FORWARDED = new Set([...HOP_BY_HOP, "authorization", "content-length", "cookie", "expect", "host"]);
const NOT_RETURNED = new Set(HOP_BY_HOP);

export interface ProxyOptions {
  readonly prefix: string;
  readonly methods?: HTTPMethods[];
  /** The caller's token, which persistence checks for itself. */
  tokenOf(request: FastifyRequest): string | undefined;
}

/** Serves the paths under a prefix with the answers of the persistence service. */
export function historyProxy(app: FastifyInstance, persistence: PersistenceClient, options: ProxyOptions): void {
  const { prefix, methods = EVERY_METHOD, tokenOf } = options;
  for (const method of methods) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
  // The body is forwarded once it is complete, so that a slow sender holds up nothing behind the edge.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const { statusCode, headers, body } = await persistence.request({
      method: request.method,
      path: wirePath(request),
      headers: forwardedHeaders(request.headers, tokenOf(request)),
      body: request.body as Buffer | undefined,
      limitMs: ANSWER_LIMIT_MS,
      isIdempotent: SAFE_METHODS.has(request.method),
    });
    for (const [name, value] of Object.entries(headers)) if (!NOT_RETURNED.has(name)) reply.header(name, value);
    // The edge serves some methods below the prefix itself, of which persistence does not know.
    if (statusCode === METHOD_NOT_ALLOWED) addAllowed(reply, allowedMethods(app, pathOf(request), { exact: true }));
    return reply.code(statusCode).send(body);
  };
  // Failures of an instance are logged once for all requests, by the client.
  const route = { method: methods, onRequest: refuseToClimb, handler, logLevel: "error" } as const;
  for (const url of [prefix, `${prefix}/*`]) app.route({ ...route, url });
}

/** @throws ProtocolError `bad_room` for a path that climbs, as the URL of a room named ".." would */
async function refuseToClimb(request: FastifyRequest): Promise<void> {
  if (
    pathOf(request)
      .split(/[/\\]/)
      .some((part) => DOTS.test(part))
  )
    throw new ProtocolError("bad_room", { field: "room" });
}

/** Still percent-encoded. */
function pathOf({ raw }: FastifyRequest): string {
  return raw.url!.split("?", 1)[0]!;
}

/** The request's own path and query. A backslash is encoded, because other parsers take it for a slash. */
function wirePath(request: FastifyRequest): string {
  const path = pathOf(request);
  return path.replaceAll("\\", "%5C") + request.raw.url!.slice(path.length);
}

function forwardedHeaders(headers: IncomingHttpHeaders, token: string | undefined): IncomingHttpHeaders {
  const named = new Set(headers.connection?.split(",").map((name) => name.trim().toLowerCase()));
  const forwarded = Object.entries(headers).filter(([name]) => !NOT_FORWARDED.has(name) && !named.has(name));
  if (token !== undefined) forwarded.push(["authorization", `Bearer ${token}`]);
  return Object.fromEntries(forwarded);
}

function addAllowed(reply: FastifyReply, own: readonly string[]): void {
  const theirs = `${reply.getHeader("allow") ?? ""}`.split(", ").filter((method) => method !== "");
  reply.header("allow", [...new Set([...theirs, ...own])].sort().join(", "));
}
