/** What every request passes before its route: headers, origins, identity, rate. */

import fastifyCors from "@fastify/cors";
import type { FastifyHelmetOptions } from "@fastify/helmet";
import fastifyRateLimit from "@fastify/rate-limit";
import { TokenError } from "@madang/auth";
import { ProtocolError } from "@madang/protocol";
import type { Rate } from "@madang/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { addressOf } from "../access/address-limits.ts";
import type { Guard } from "../access/guard.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
const PREFLIGHT_MAX_AGE_S = 600;

/** For what is no page: nothing in an answer may be loaded or run as part of one. The pages have their own. */
export const API_SECURITY: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { "default-src": ["'none'"], "frame-ancestors": ["'none'"] },
  },
  frameguard: { action: "deny" },
  referrerPolicy: { policy: "no-referrer" },
  // Whether this host speaks TLS is the proxy's knowledge, not ours.
  strictTransportSecurity: false,
};

/** CORS for the origins that are allowed; a cookie is only asked for and sent where it would count. */
export async function allowOrigins(app: FastifyInstance, { origins }: Guard): Promise<void> {
  await app.register(fastifyCors, {
    delegator: (request, callback) =>
      callback(null, {
        origin: request.headers.origin !== undefined && origins.allow(request),
        // Who asks by OPTIONS about nothing but the path is answered by the path.
        preflight: Boolean(request.headers["access-control-request-method"]),
        credentials: origins.trust(request),
        methods: METHODS,
        allowedHeaders: ["authorization", "content-type", "idempotency-key", "if-none-match"],
        exposedHeaders: ["etag", "retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
        maxAge: PREFLIGHT_MAX_AGE_S,
      }),
  });
}

/** A page of a foreign origin changes nothing here, whatever its browser would send without asking first (CSRF). */
export function refuseForeignWrites(app: FastifyInstance, { origins }: Guard): void {
  app.addHook("onRequest", async (request) => {
    if (SAFE_METHODS.has(request.method) || origins.allow(request)) return;
    throw new ProtocolError("not_allowed", { field: "origin", message: "Pages of that origin may not write here." });
  });
}

/**
 * A 401, be it a page's, a handshake's or of `/v1`, says how one proves who one is, and whether a token was there that
 * proves nothing (RFC 9110, 15.5.2, and RFC 6750, 3). Has to come before the routes.
 */
export function challengeWhoIsRefused(app: FastifyInstance): void {
  app.addHook("onError", async (_request, reply, error) => {
    if (!(error instanceof ProtocolError) || error.code !== "unauthorized") return;
    reply.header("www-authenticate", error instanceof TokenError ? 'Bearer error="invalid_token"' : "Bearer");
  });
}

/** 401 for whoever does not prove who they are. */
export function requireIdentity(app: FastifyInstance, guard: Guard): void {
  app.addHook("onRequest", async (request) => {
    request.identity = await guard.identify(request);
    if (!request.identity) throw new ProtocolError("unauthorized");
  });
}

/** RateLimit headers, and 429 with Retry-After. By user, where one is known by now, otherwise by address. */
export async function limitRequests(app: FastifyInstance, rate: Rate | undefined): Promise<void> {
  if (!rate) return;
  await app.register(fastifyRateLimit, {
    max: rate.count,
    timeWindow: rate.windowMs,
    enableDraftSpec: true,
    keyGenerator: keyOf,
    errorResponseBuilder: (_request, { ttl }) => new ProtocolError("rate_limited", { retryAfter: ttl / 1000 }),
  });
}

function keyOf(request: FastifyRequest): string {
  const userId = request.identity?.userId;
  return userId === undefined ? `address ${addressOf(request.ip)}` : `user ${userId}`;
}
