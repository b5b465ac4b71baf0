import {
  type Action,
  type Authenticator,
  type AuthSettings,
  bearerToken,
  cookieToken,
  createAuthenticator,
  type Identity,
  may,
  TokenError,
} from "@madang/auth";
import { NO_RULES, type Rules } from "@madang/broker";
import { type CloseReason, ProtocolError } from "@madang/protocol";
import type { FailureLog } from "@madang/runtime";
import type { FastifyRequest } from "fastify";
import { AddressLimits, addressOf } from "./address-limits.ts";
import { requireNotBanned } from "./bans.ts";
import type { Limits } from "./limits.ts";
import { type OriginHeaders, type Origins, RefusedOrigins } from "./origins.ts";
import { SharedUsage } from "./shared-usage.ts";

const EXPIRY_TICK_MS = 1000;
const ADDRESS_FULL_RETRY_S = 10;

export interface GuardSettings {
  readonly auth: AuthSettings;
  readonly limits: Limits;
  readonly origins: Origins;
}

/** A session as the guard counts it, and closes it when its token expires. */
export interface GuardedSession {
  readonly address: string;
  readonly isClosed: boolean;
  identity: Identity | undefined;
  close(reason: CloseReason): void;
}

/** Authenticates requests and sessions, checks grants, and counts connections of addresses and users. */
export class Guard {
  readonly origins: Origins;
  readonly refusedOrigins: RefusedOrigins;
  readonly addressLimits: AddressLimits;
  readonly #auth: Authenticator;
  readonly #limits: Limits;
  readonly #rules: Rules;
  readonly #usage: SharedUsage;
  /** Open connections of each address. */
  readonly #addresses = new Map<string, number>();
  /** Sessions of each user on this edge. */
  readonly #users = new Map<string, Set<GuardedSession>>();
  readonly #timer: NodeJS.Timeout | undefined;

  /** @param onFailure is called when tokens cannot be checked, and for requests of refused origins */
  constructor(
    { auth, limits, origins }: GuardSettings,
    rules: Rules = NO_RULES,
    usage: SharedUsage = new SharedUsage(),
    onFailure?: FailureLog,
  ) {
    this.#limits = limits;
    this.#rules = rules;
    this.#usage = usage;
    this.#auth = createAuthenticator(auth, onFailure);
    this.origins = origins;
    this.refusedOrigins = new RefusedOrigins(onFailure);
    this.addressLimits = new AddressLimits(limits);
    if (!this.anonymous) this.#timer = setInterval(() => this.#closeExpired(), EXPIRY_TICK_MS);
  }

  /** The identity of a client without a token; `undefined` where a token is required. */
  get anonymous(): Identity | undefined {
    return this.#auth.anonymous;
  }

  /** @throws TokenError, ProtocolError as {@link Authenticator.verify} */
  verify(token: string): Promise<Identity> {
    return this.#auth.verify(token);
  }

  /**
   * Identifies the sender of a request by its header or cookie; `undefined` when it carries no token. A cookie counts
   * only from our own pages and from listed origins.
   * @throws as {@link verify}
   */
  async identify(request: FastifyRequest): Promise<Identity | undefined> {
    if (this.anonymous) return this.anonymous;
    const token = this.tokenOf(request);
    return token === undefined ? undefined : this.verify(token);
  }

  /** The token that {@link identify} checks. */
  tokenOf(request: FastifyRequest): string | undefined {
    const { headers } = request;
    return bearerToken(headers) ?? (this.origins.trust(request) ? cookieToken(headers) : undefined);
  }

  /** Whether a page of the request's origin may connect, read and write. A refusal is counted and logged. */
  allowsOrigin(request: OriginHeaders): boolean {
    const allowed = this.origins.allow(request);
    if (!allowed) this.refusedOrigins.add(request);
    return allowed;
  }

  /** Whether cookies of the request's origin count. A refusal is counted and logged. */
  trustsOrigin(request: OriginHeaders): boolean {
    const trusted = this.origins.trust(request);
    if (!trusted) this.refusedOrigins.add(request);
    return trusted;
  }

  /** @throws ProtocolError `not_allowed` without the grant */
  requireGrant(identity: Identity, room: string, action: Action): void {
    if (!may(identity, room, action)) throw new ProtocolError("not_allowed");
  }

  /**
   * Requires the grant, and that the user is not banned. Without a token there is only a name, which is known when the
   * client joins or speaks: Moderation checks those.
   * @throws ProtocolError `not_allowed`
   */
  requireAccess(identity: Identity, room: string, action: Action): void {
    this.requireGrant(identity, room, action);
    const { userId, name = "" } = identity;
    if (userId !== undefined) requireNotBanned(this.#rules, { userId, user: name }, room);
  }

  /** @throws ProtocolError `rate_limited` */
  takeUserSend({ userId }: Identity): void {
    const { userSends } = this.#limits;
    if (userId === undefined || !userSends) return;
    const waitMs = this.#usage.take(`sends ${userId}`, userSends);
    if (waitMs > 0) throw new ProtocolError("rate_limited", { retryAfter: waitMs / 1000 });
  }

  /** Checks the origin of a handshake and the connections of its address. @throws ProtocolError `not_allowed`, `rate_limited` */
  requireEntrance(request: FastifyRequest): void {
    if (!this.allowsOrigin(request)) {
      throw new ProtocolError("not_allowed", {
        field: "origin",
        message: "Pages of that origin may not connect here.",
      });
    }
    const open = this.#addresses.get(addressOf(request.ip)) ?? 0;
    if (open >= this.#limits.addressConnections) {
      throw new ProtocolError("rate_limited", {
        message: "Too many connections from this address.",
        retryAfter: ADDRESS_FULL_RETRY_S,
      });
    }
  }

  /** Counts a connection of its address until {@link disconnected}. */
  connected(address: string): void {
    const key = addressOf(address);
    this.#addresses.set(key, (this.#addresses.get(key) ?? 0) + 1);
  }

  disconnected(session: GuardedSession): void {
    const key = addressOf(session.address);
    const open = (this.#addresses.get(key) ?? 0) - 1;
    if (open > 0) this.#addresses.set(key, open);
    else this.#addresses.delete(key);
    this.#forget(session);
  }

  /**
   * Whether only the reports of other edges stand against another session. A dead edge reports nothing more, and its
   * clients return before its silence shows.
   */
  isFullElsewhere({ userId }: Identity): boolean {
    if (userId === undefined) return false;
    const here = this.sessionsOf(userId).size;
    return here < this.#limits.userConnections && this.#isFull(userId);
  }

  /** Gives the session its identity, in place of the one it had. False: its user has as many connections as allowed. */
  identified(session: GuardedSession, identity: Identity): boolean {
    const { userId } = identity;
    if (userId !== undefined) {
      // A session that closed while its token was checked must not be counted: nothing would count it out again.
      if (session.isClosed) return false;
      const sessions = this.#users.get(userId) ?? new Set();
      if (!sessions.has(session) && this.#isFull(userId)) return false;
      this.#users.set(userId, sessions.add(session));
      this.#reportOpen(userId);
    }
    session.identity = identity;
    return true;
  }

  /** The sessions of a user on this edge. */
  sessionsOf(userId: string): ReadonlySet<GuardedSession> {
    return this.#users.get(userId) ?? new Set();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#usage.close();
  }

  #isFull(userId: string): boolean {
    const { userConnections } = this.#limits;
    if (!Number.isFinite(userConnections)) return false;
    return this.sessionsOf(userId).size + this.#usage.openElsewhere(userId) >= userConnections;
  }

  #reportOpen(userId: string): void {
    if (!Number.isFinite(this.#limits.userConnections)) return;
    this.#usage.setOpen(userId, this.sessionsOf(userId).size);
  }

  #forget(session: GuardedSession): void {
    const userId = session.identity?.userId;
    if (userId === undefined) return;
    const sessions = this.#users.get(userId);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#users.delete(userId);
    this.#reportOpen(userId);
  }

  #closeExpired(): void {
    const now = Date.now();
    for (const sessions of this.#users.values()) {
      for (const session of sessions) {
        if (session.identity!.expiresAt <= now) session.close("tokenExpired");
      }
    }
  }
}

/** The close reason after a token was refused (F7). A server that cannot check tokens now is temporary: the client may return. */
export function closeReason(error: unknown): "tokenExpired" | "invalidToken" | "serviceRestart" {
  if (!(error instanceof TokenError)) return "serviceRestart";
  return error.expired ? "tokenExpired" : "invalidToken";
}

declare module "fastify" {
  interface FastifyRequest {
    /** The authenticated sender; set where a route needs it. */
    identity: Identity | undefined;
  }
}
