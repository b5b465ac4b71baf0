import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

export const ADMIN_TOKEN_MIN_LENGTH = 16;
const COOKIE = "madang_admin";
const SESSION_MS = 8 * 3600_000;
const VALUE = /^(\d{13,16})\.([A-Za-z0-9_-]{16,32})\.([A-Za-z0-9_-]{43})$/;

/** Moderators' sessions. A session is only a signed cookie, so every instance accepts it, and a new ADMIN_TOKEN ends it. */
export class Sessions {
  readonly #token: Buffer;
  readonly #key: Buffer;

  constructor(token: string) {
    this.#token = digest(token);
    this.#key = createHmac("sha256", token).update("madang: admin sessions").digest();
  }

  /** Compares in constant time. */
  isToken(given: string): boolean {
    return timingSafeEqual(digest(given), this.#token);
  }

  start(request: FastifyRequest, reply: FastifyReply): void {
    const content = `${Date.now() + SESSION_MS}.${randomBytes(16).toString("base64url")}`;
    setCookie(request, reply, `${content}.${this.#sign("session", content)}`, SESSION_MS / 1000);
  }

  end(request: FastifyRequest, reply: FastifyReply): void {
    setCookie(request, reply, "", 0);
  }

  /** The CSRF token of the request's session; `undefined` without a valid session. */
  csrf(request: FastifyRequest): string | undefined {
    const cookies = (request.headers.cookie ?? "").split(";").map((cookie) => cookie.trim());
    const value = cookies.find((cookie) => cookie.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? "";
    const match = VALUE.exec(value);
    if (!match || Number(match[1]) < Date.now()) return undefined;
    const content = `${match[1]}.${match[2]}`;
    return isSame(match[3]!, this.#sign("session", content)) ? this.#sign("form", content) : undefined;
  }

  #sign(what: string, content: string): string {
    return createHmac("sha256", this.#key).update(`${what} ${content}`).digest("base64url");
  }
}

/** Compares in constant time. */
export function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

/** Digests have one length, so that comparing them does not reveal the text's length. */
function digest(text: string): Buffer {
  return createHmac("sha256", "madang").update(text).digest();
}

function setCookie(request: FastifyRequest, reply: FastifyReply, value: string, maxAgeS: number): void {
  // A client that forges this header only loses its own cookie.
  const secure = request.protocol === "https" || request.headers["x-forwarded-proto"] === "https";
  reply.header(
    "set-cookie",
    `${COOKIE}=${value}; Path=/admin; HttpOnly; SameSite=Strict; Max-Age=${maxAgeS}${secure ? "; Secure" : ""}`,
  );
}
