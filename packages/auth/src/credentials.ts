import type { IncomingHttpHeaders } from "node:http";

/** HttpOnly and SameSite=Lax: for pages, whose WebSocket cannot set headers. */
const TOKEN_COOKIE = "madang_token";

const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i;
const COOKIE = new RegExp(`(?:^|;)\\s*${TOKEN_COOKIE}=([^;\\s]*)`);

/** The token of an `Authorization: Bearer` header, which is where one is looked for first. */
export function bearerToken(headers: IncomingHttpHeaders): string | undefined {
  return headers.authorization === undefined ? undefined : BEARER.exec(headers.authorization)?.[1];
}

/** The token of the page's cookie. Browsers send it by themselves, so who asks for it must know from where a request comes. */
export function cookieToken(headers: IncomingHttpHeaders): string | undefined {
  return COOKIE.exec(headers.cookie ?? "")?.[1] || undefined;
}

/** The value of a `Set-Cookie` header that gives the page its token, or takes it away. */
export function tokenCookie(token: string | undefined, options: { maxAgeS: number; secure: boolean }): string {
  const value = token ?? "";
  const maxAge = token === undefined ? 0 : Math.max(0, Math.floor(options.maxAgeS));
  return `${TOKEN_COOKIE}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAge}${options.secure ? "; Secure" : ""}`;
}
