import type { Grant } from "@madang/auth";
import { type JWTPayload, SignJWT } from "jose";

export const JWT_SECRET = "a secret of at least thirty-two bytes";

/** The settings of a service that accepts the tokens of {@link token}. */
export const JWT_ENV = { AUTH: "jwt", JWT_SECRET };

export type TokenClaims = JWTPayload & { readonly name?: string; readonly rooms?: readonly Grant[] };

/**
 * Signs a token. Its subject is "u1" unless `claims` names another one.
 * @param lifeS seconds until it expires; negative for one that has expired
 */
export function token(claims: TokenClaims = {}, lifeS = 60): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + lifeS;
  return new SignJWT({ sub: "u1", exp, ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(JWT_SECRET));
}

export const bearer = (jwt: string) => ({ authorization: `Bearer ${jwt}` });
export const cookie = (jwt: string) => ({ cookie: `theme=dark; madang_token=${jwt}` });
