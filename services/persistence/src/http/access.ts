import { timingSafeEqual } from "node:crypto";
import {
  type Action,
  type AuthSettings,
  bearerToken,
  createAuthenticator,
  EDGE,
  type Identity,
  may,
  TokenError,
} from "@madang/auth";
import { NO_RULES, type Rules } from "@madang/broker";
import { holds, ProtocolError, requireRoom } from "@madang/protocol";
import { createFailureLog } from "@madang/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks, on every route under `/v1`. */
    identity: Identity | undefined;
  }
  interface FastifyContextConfig {
    /** What the route's room must grant, where the method does not say it: GET is "read", PUT and POST "write", the rest "moderate". */
    action?: Action;
  }
}

const ACTION_OF: Record<string, Action> = { GET: "read", HEAD: "read", PUT: "write", POST: "write" };

/**
 * Every route under `/v1` needs an identity, and every one with a `:room` the right to that room: also those that are
 * yet to be written. The edge checks the same token before; this does not rely on it. Only a header is looked at, which
 * no browser sends by itself.
 */
export function addAccess(app: FastifyInstance, settings: AuthSettings, rules: Rules = NO_RULES): void {
  const { anonymous, verify } = createAuthenticator(settings, createFailureLog(app.log));
  const edgeToken = settings.mode === "jwt" ? Buffer.from(settings.edgeToken) : undefined;

  const identify = async (request: FastifyRequest): Promise<Identity> => {
    if (anonymous) return anonymous;
    const token = bearerToken(request.headers);
    if (token === undefined) throw new ProtocolError("unauthorized");
    if (edgeToken && isSame(Buffer.from(token), edgeToken)) return EDGE;
    return verify(token);
  };

  app.decorateRequest("identity");
  app.addHook("onRequest", async (request, reply) => {
    if (!isGuarded(request)) return;
    try {
      request.identity = await identify(request);
    } catch (error) {
      const invalid = error instanceof TokenError;
      reply.header("www-authenticate", invalid ? 'Bearer error="invalid_token"' : "Bearer");
      throw error;
    }
  });
  app.addHook("preHandler", async (request) => {
    const { room } = (request.params ?? {}) as { room?: unknown };
    if (!isGuarded(request) || room === undefined) return;
    const action = request.routeOptions.config.action ?? ACTION_OF[request.method] ?? "moderate";
    if (!may(request.identity!, requireRoom(room), action)) throw new ProtocolError("not_allowed");
    if (isBanned(rules, request.identity!, requireRoom(room))) throw new ProtocolError("not_allowed");
  });
}

/** Where nobody proves who they are, a ban is of a name, and a name is not asked for to read. */
function isBanned(rules: Rules, { userId, name = "" }: Identity, room: string): boolean {
  if (userId === undefined) return false;
  return [undefined, room].some((where) => holds(rules.member(where, { userId, user: name })?.ban, Date.now()));
}

function isGuarded(request: FastifyRequest): boolean {
  return request.routeOptions.url?.startsWith("/v1/") ?? false;
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
