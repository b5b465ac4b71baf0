import { METHODS } from "node:http";
import { Readable } from "node:stream";
import fastifyHttpProxy, { type FastifyHttpProxyOptions } from "@fastify/http-proxy";
import { ProtocolError } from "@madang/protocol";
import { pathOf, problem, sendProblem, type TroubleLog } from "@madang/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";

const ANSWER_LIMIT_MS = 5000;
const CONNECT_LIMIT_MS = 1000;
/**
 * An instance that failed is passed over for this long, unless all did, and for twice as long each time that it fails
 * again: one that takes requests and does not answer costs somebody the whole limit with each try.
 */
const PENALTY_FIRST_MS = 2000;
const PENALTY_LAST_MS = 60_000;
const METHOD_NOT_ALLOWED = 405;
const UNAVAILABLE = 503;
/** Which of them a path knows is for persistence to say, and it says so of any. CONNECT is about no path. */
const EVERY_METHOD = METHODS.filter((method) => method !== "CONNECT") as HTTPMethods[];
const DOTS = /^(?:\.|%2e){1,2}$/i;
const SAFE_METHODS = new Set(["GET", "HEAD"]);
/**
 * What a client says of its own connection (RFC 9110, 7.6.1), and what was answered here already. The client of HTTP
 * below refuses to send some of it, which would look like a failure of the instance.
 */
const OF_THIS_HOP = ["connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"];

/**
 * What the persistence service answers under a prefix, through the one public tier. Instances take turns. The caller's
 * token goes along as a header, wherever it was: persistence checks for itself who that is, and looks at no cookie.
 */
export function historyProxy(
  urls: readonly string[],
  tokenOf: (request: FastifyRequest) => string | undefined,
  onTrouble: TroubleLog,
): (app: FastifyInstance, prefix: string, methods?: HTTPMethods[]) => Promise<void> {
  const penalties = new Map<string, { readonly ms: number; readonly until: number }>();
  const isPassedOver = (url: string) => performance.now() < (penalties.get(url)?.until ?? 0);
  let turn = 0;
  /** @param failed one that was asked already, and is asked again only where there is no other */
  const choose = (failed?: string): string => {
    const others = urls.length > 1 ? urls.filter((url) => url !== failed) : urls;
    const healthy = others.filter((url) => !isPassedOver(url));
    const candidates = healthy.length > 0 ? healthy : others;
    return candidates[turn++ % candidates.length]!;
  };
  const chosen = new WeakMap<object, string>();
  const failed = (request: object, error: Error) => {
    const url = chosen.get(request)!;
    // Requests that were under way together fail together: that is one failure.
    if (!isPassedOver(url)) {
      const ms = Math.min(PENALTY_LAST_MS, 2 * (penalties.get(url)?.ms ?? PENALTY_FIRST_MS / 2));
      penalties.set(url, { ms, until: performance.now() + ms });
    }
    onTrouble(`history cannot be read at ${new URL(url).host}`, error);
  };
  const askedAgain = new WeakSet<object>();
  const replyOptions: NonNullable<FastifyHttpProxyOptions["replyOptions"]> = {
    rewriteRequestHeaders: (request, { cookie: _cookie, authorization: _authorization, ...headers }) => {
      for (const name of OF_THIS_HOP) delete headers[name];
      const token = tokenOf(request as FastifyRequest);
      return token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` };
    },
    // What an instance says of its connection to us is not said of the client's, which may be one that is to be closed.
    rewriteHeaders: ({ connection: _connection, "keep-alive": _keepAlive, ...headers }) => headers,
    getUpstream: (request) => {
      const url = choose(chosen.get(request));
      chosen.set(request, url);
      return url;
    },
    // By itself the library would repeat what was answered by 503, ten times and at once.
    retryDelay: () => null,
    onResponse: (request, reply, response) => {
      if (reply.statusCode === UNAVAILABLE) failed(request, new Error("it answers 503"));
      else penalties.delete(chosen.get(request)!);
      if (reply.statusCode === METHOD_NOT_ALLOWED) allowOurs(request as FastifyRequest, reply as FastifyReply);
      reply.send(response.stream);
    },
    // Of an instance that cannot be reached nobody need notice anything, as long as there is another.
    onError: (reply, { error }) => {
      const { request } = reply;
      failed(request, error);
      const mayAskAgain = urls.length > 1 && SAFE_METHODS.has(request.method) && !askedAgain.has(request);
      if (!mayAskAgain) return sendProblem(reply, problem("history_unavailable"), 1);
      askedAgain.add(request);
      reply.from(hidingDots(request.raw.url!.split("?", 1)[0]!), replyOptions);
    },
  };
  return async (app, prefix, methods = EVERY_METHOD) => {
    for (const method of methods) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
    // A body goes on when it is complete: whoever sends one slowly holds up nothing behind this tier.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser<Buffer>("*", { parseAs: "buffer" }, (_request, body, done) =>
      done(null, Readable.from([body], { objectMode: false })),
    );
    await app.register(fastifyHttpProxy, {
      proxyPayloads: false,
      upstream: "",
      prefix,
      rewritePrefix: prefix,
      httpMethods: methods,
      preHandler: refuseToClimb,
      handler: (_request, reply, path, options) => reply.from(hidingDots(path), options),
      // Or there would be two lines a request, and one with a stack for each that fails.
      logLevel: "error",
      undici: { connect: { timeout: CONNECT_LIMIT_MS }, headersTimeout: ANSWER_LIMIT_MS, bodyTimeout: ANSWER_LIMIT_MS },
      replyOptions,
    });
  };
}

/** @throws ProtocolError `bad_room` for a path that climbs, which is what a URL with such a name of a room does */
async function refuseToClimb(request: FastifyRequest): Promise<void> {
  const parts = request.raw.url!.split("?", 1)[0]!.split(/[/\\]/);
  if (parts.some((part) => DOTS.test(part))) throw new ProtocolError("bad_room", { field: "room" });
}

/**
 * The path of a request for the library, which would take a room named "..." for an attempt to climb. It looks before it
 * makes a URL of the path, and that is where tabs are dropped; a backslash would become a slash there.
 */
function hidingDots(path: string): string {
  return path.replaceAll("\\", "%5C").replaceAll("/", "\t/\t");
}

/** Persistence does not know what the edge does by itself at the same path. */
function allowOurs(request: FastifyRequest, reply: FastifyReply): void {
  const theirs = `${reply.getHeader("allow") ?? ""}`.split(", ").filter((method) => method !== "");
  const ours = request.server.methodsAt?.(pathOf(request), { named: true }) ?? [];
  reply.header("allow", [...new Set([...theirs, ...ours])].sort().join(", "));
}
