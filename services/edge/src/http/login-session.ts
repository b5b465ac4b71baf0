import { type Identity, tokenCookie } from "@madang/auth";
import { ProtocolError, TOKEN_MAX_LENGTH } from "@madang/protocol";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import type { Guard } from "../access/guard.ts";

const SessionRequest = Type.Object(
  { token: Type.String({ maxLength: TOKEN_MAX_LENGTH }) },
  { additionalProperties: false },
);

/**
 * The pages' token. A login page elsewhere hands it over once; from then on the browser keeps it in a cookie that no
 * script can read. Without authentication there are no such routes.
 */
export function sessionRoutes(app: FastifyInstance, guard: Guard): void {
  if (guard.anonymous) return;

  app.post<{ Body: Static<typeof SessionRequest> }>(
    "/session",
    { schema: { body: SessionRequest } },
    async (request, reply) => {
      requireOwnPage(request, guard);
      const { token } = request.body;
      const identity = await guard.verify(token);
      return reply
        .code(204)
        .header("set-cookie", tokenCookie(token, cookieOf(request, identity)))
        .send();
    },
  );

  app.delete("/session", async (request, reply) => {
    requireOwnPage(request, guard);
    return reply
      .code(204)
      .header("set-cookie", tokenCookie(undefined, cookieOf(request)))
      .send();
  });
}

/** Only our own pages and listed origins may log a person in or out, even where all origins may connect. */
function requireOwnPage(request: FastifyRequest, guard: Guard): void {
  if (!guard.trustsOrigin(request)) throw new ProtocolError("not_allowed", { field: "origin" });
}

function cookieOf(request: FastifyRequest, identity?: Identity): { maxAgeS: number; secure: boolean } {
  const maxAgeS = identity ? (identity.expiresAt - Date.now()) / 1000 : 0;
  return { maxAgeS, secure: request.protocol === "https" };
}
