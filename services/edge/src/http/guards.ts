/** Checks before a route: headers, origins, identity, rate. */

import fastifyCors from "@fastify/cors";
import type { FastifyHelmetOptions } from "@fastify/helmet";
import fastifyRateLimit from "@fastify/rate-limit";
import { TokenError } from "@madang/auth";
import { ERRORS, ProtocolError } from "@madang/protocol";
import type { Rate } from "@madang/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { addressOf } from "../access/address-limits.ts";
import type { Guard } from "../access/guard.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
const PREFLIGHT_MAX_AGE_S = 600;

/** For responses that are no pages: a browser must not load or run them as part of one. Pages have their own policy. */
export const API_SECURITY: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { "default-src": ["'none'"], "frame-ancestors": ["'none'"] },
  },
  frameguard: { action: "deny" },
  referrerPolicy: { policy: "no-referrer" },
  // Only the proxy knows whether this host speaks TLS.
  strictTransportSecurity: false,
};

/** CORS for allowed origins; credentials only for origins whose cookie counts. */
export async function allowOrigins(app: FastifyInstance, guard: Guard): Promise<void> {
  await app.register(fastifyCors, {
    delegator: (request, callback) =>
      callback(null, {
        origin: request.headers.origin !== undefined && guard.allowsOrigin(request),
        // Other OPTIONS requests are about the path.
        preflight: Boolean(request.headers["access-control-request-method"]),
        credentials: guard.origins.trust(request),
        methods: METHODS,
        allowedHeaders: ["authorization", "content-type", "idempotency-key", "if-none-match"],
        exposedHeaders: ["etag", "retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
        maxAge: PREFLIGHT_MAX_AGE_S,
      }),
  });
}

/** Refuses writes from pages of foreign origins, also those that a browser sends without a preflight (CSRF). */
export function refuseForeignWrites(app: FastifyInstance, guard: Guard): void {
  app.addHook("onRequest", async (request) => {
    if (SAFE_METHODS.has(request.method) || guard.allowsOrigin(request)) return;
    throw new ProtocolError("not_allowed", { field: "origin", message: "Pages of that origin may not write here." });
  });
}

/**
 * Every 401 (page, handshake or `/v1`) carries a challenge, which tells whether a token was there and invalid (RFC 9110,
 * 15.5.2, and RFC 6750, 3). Register it before the routes.
 */
export function addBearerChallenge(app: FastifyInstance): void {
  app.addHook("onError", async (_request, reply, error) => {
    if (!(error instanceof ProtocolError) || ERRORS[error.code].status !== 401) return;
    reply.header("www-authenticate", error instanceof TokenError ? 'Bearer error="invalid_token"' : "Bearer");
  });
}

/** 401 for unauthenticated requests. */
export function requireIdentity(app: FastifyInstance, guard: Guard): void {
  app.addHook("onRequest", async (request) => {
    request.identity = await guard.identify(request);
    if (!request.identity) throw new ProtocolError("unauthorized");
  });
}

/** RateLimit headers, and 429 with Retry-After: by user if the request is authenticated by then, otherwise by address. */
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
