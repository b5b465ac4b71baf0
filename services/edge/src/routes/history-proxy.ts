import { Readable } from "node:stream";
import fastifyHttpProxy from "@fastify/http-proxy";
import { problem, sendProblem } from "@madang/runtime";
import type { FastifyInstance, FastifyRequest, HTTPMethods } from "fastify";

const ANSWER_LIMIT_MS = 10_000;
const CONNECT_LIMIT_MS = 1000;
/** An instance that failed is passed over for this long, unless all did. */
const PENALTY_MS = 2000;

/**
 * What the persistence service answers under a prefix, through the one public tier. Instances take turns. The caller's
 * token goes along as a header, wherever it was: persistence checks for itself who that is, and looks at no cookie.
 */
export function historyProxy(
  urls: readonly string[],
  tokenOf: (request: FastifyRequest) => string | undefined,
): (app: FastifyInstance, prefix: string, methods?: HTTPMethods[]) => Promise<void> {
  const failedAt = new Map<string, number>();
  let turn = 0;
  const choose = (): string => {
    const now = performance.now();
    const healthy = urls.filter((url) => now - (failedAt.get(url) ?? -PENALTY_MS) >= PENALTY_MS);
    const candidates = healthy.length > 0 ? healthy : urls;
    return candidates[turn++ % candidates.length]!;
  };
  const chosen = new WeakMap<object, string>();
  return async (app, prefix, methods = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]) => {
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
      undici: { connect: { timeout: CONNECT_LIMIT_MS }, headersTimeout: ANSWER_LIMIT_MS, bodyTimeout: ANSWER_LIMIT_MS },
      replyOptions: {
        rewriteRequestHeaders: (request, { cookie: _cookie, authorization: _authorization, ...headers }) => {
          const token = tokenOf(request as FastifyRequest);
          return token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` };
        },
        getUpstream: (request) => {
          const url = choose();
          chosen.set(request, url);
          return url;
        },
        onError: (reply) => {
          const url = chosen.get(reply.request);
          if (url !== undefined) failedAt.set(url, performance.now());
          sendProblem(reply, problem("history_unavailable"), 1);
        },
      },
    });
  };
}
