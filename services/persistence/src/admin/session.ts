import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

export const ADMIN_TOKEN_MIN_LENGTH = 16;
const COOKIE = "madang_admin";
const SESSION_MS = 8 * 3600_000;
const VALUE = /^(\d{13,16})\.([A-Za-z0-9_-]{16,32})\.([A-Za-z0-9_-]{43})$/;

/**
 * Moderators' sessions, kept in a signed cookie alone: every instance knows them, and a new ADMIN_TOKEN ends them all.
 */
export class Sessions {
  readonly #token: Buffer;
  readonly #key: Buffer;

  constructor(token: string) {
    this.#token = digest(token);
    this.#key = createHmac("sha256", token).update("madang: admin sessions").digest();
  }

  /** Whether that is the token; takes the same time whatever it is. */
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

  /** The token that every form of a session carries; `undefined` without a session that still holds. */
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

/** Takes the same time however much of the two is alike. */
export function isSame(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b));
}

/** Of one length, so that comparing says nothing about it. */
function digest(text: string): Buffer {
  return createHmac("sha256", "madang").update(text).digest();
}

function setCookie(request: FastifyRequest, reply: FastifyReply, value: string, maxAgeS: number): void {
  // Who lies about TLS in front only keeps the cookie from themselves.
  const secure = request.protocol === "https" || request.headers["x-forwarded-proto"] === "https";
  reply.header(
    "set-cookie",
    `${COOKIE}=${value}; Path=/admin; HttpOnly; SameSite=Strict; Max-Age=${maxAgeS}${secure ? "; Secure" : ""}`,
  );
}
