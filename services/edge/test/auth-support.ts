import type { Grant } from "@madang/auth";
import { SUBPROTOCOL } from "@madang/protocol";
import { type JWTPayload, SignJWT } from "jose";
import type { Test } from "tap";
import { until, WireClient } from "./support.ts";

export const JWT_SECRET = "a secret of at least thirty-two bytes";
export const JWT_ENV = { AUTH: "jwt", JWT_SECRET };

export function token(claims: JWTPayload & { rooms?: Grant[] } = {}, lifeS = 60): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + lifeS;
  return new SignJWT({ sub: "u1", exp, ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(JWT_SECRET));
}

export const bearer = (jwt: string) => ({ authorization: `Bearer ${jwt}` });
export const cookie = (jwt: string) => ({ cookie: `theme=dark; madang_token=${jwt}` });

/** Knocks at a door; resolves when it is open or shut. */
export async function knock(
  t: Test,
  port: number,
  path: string,
  options: { full?: boolean; headers?: Record<string, string> } = {},
): Promise<WireClient> {
  const protocols = options.full ? [SUBPROTOCOL] : [];
  const client = new WireClient(`ws://127.0.0.1:${port}${path}`, protocols, options.headers);
  t.teardown(() => client.ws.terminate());
  await until(() => client.ws.readyState === 1 || client.closed !== undefined || client.refusedWith !== undefined);
  return client;
}
