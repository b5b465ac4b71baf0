import type { IncomingHttpHeaders } from "node:http";

/** HttpOnly and SameSite=Lax. It is for pages, because a browser cannot set headers of a WebSocket. */
const TOKEN_COOKIE = "madang_token";

const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i;
const COOKIE = new RegExp(`(?:^|;)\\s*${TOKEN_COOKIE}=([^;\\s]*)`);

/** The token of an `Authorization: Bearer` header. It takes precedence over the cookie. */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  return headers.authorization === undefined ? undefined : BEARER.exec(headers.authorization)?.[1];
}

/** The token of the page's cookie. Browsers add it to foreign requests too: the caller has to check the origin. */
export function cookieToken(headers: IncomingHttpHeaders): string | undefined {
  return COOKIE.exec(headers.cookie ?? "")?.[1] || undefined;
}

/** The value of a `Set-Cookie` header that stores the page's token, or removes it (`undefined`). */
export function tokenCookie(token: string | undefined, options: { maxAgeS: number; secure: boolean }): string {
  const value = token ?? "";
  const maxAge = token === undefined ? 0 : Math.max(0, Math.floor(options.maxAgeS));
  return `${TOKEN_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAge}${options.secure ? "; Secure" : ""}`;
}
