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
import { holds, ProtocolError, requireStoredRoom } from "@madang/protocol";
import { createFailureLog } from "@madang/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyRequest {
    /** The identity of the client, on every route under `/v1`. */
    identity: Identity | undefined;
  }
  interface FastifyContextConfig {
    /** The permission that the route needs. Default: GET "read", PUT and POST "write", other methods "moderate". */
    action?: Action;
  }
}

const ACTION_OF: Record<string, Action> = { GET: "read", HEAD: "read", PUT: "write", POST: "write" };

/**
 * Requires an identity on every route under `/v1`, and the permission for the room on every route with `:room`. Routes
 * that are added later are covered, too. The edge checks the same token before; this service does not rely on that. It
 * reads only the `Authorization` header, which browsers never send by themselves.
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
    if (!may(request.identity!, requireStoredRoom(room), action)) throw new ProtocolError("not_allowed");
    if (isBanned(rules, request.identity!, requireStoredRoom(room))) throw new ProtocolError("not_allowed");
  });
}

/** Applies only to users with an id: without one, a ban is on a nickname, and reading needs no nickname. */
function isBanned(rules: Rules, { userId, name = "" }: Identity, room: string): boolean {
  if (userId === undefined) return false;
  return [undefined, room].some((scope) => holds(rules.member(scope, { userId, user: name })?.ban, Date.now()));
}

function isGuarded(request: FastifyRequest): boolean {
  return request.routeOptions.url?.startsWith("/v1/") ?? false;
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
