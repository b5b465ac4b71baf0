import {
  type Action,
  type Authenticator,
  bearerToken,
  cookieToken,
  createAuthenticator,
  type Identity,
  may,
  TokenError,
} from "@madang/auth";
import { NO_RULES, type Rules } from "@madang/broker";
import { ProtocolError } from "@madang/protocol";
import type { TroubleLog } from "@madang/runtime";
import type { FastifyRequest } from "fastify";
import type { EdgeConfig } from "../config.ts";
import type { Connection } from "../socket/connection.ts";
import { addressOf, Doorstep } from "./address-limits.ts";
import { requireNotBanned } from "./moderation.ts";
import type { Origins } from "./origins.ts";
import { Usage } from "./shared-usage.ts";

const EXPIRY_TICK_MS = 1000;
const ADDRESS_FULL_RETRY_S = 10;

/** Who may come in, who they are, what they may do, and how much of it. */
export class Guard {
  readonly origins: Origins;
  readonly doorstep: Doorstep;
  readonly #auth: Authenticator;
  readonly #config: EdgeConfig;
  readonly #rules: Rules;
  readonly #usage: Usage;
  readonly #addresses = new Map<string, number>();
  readonly #users = new Map<string, Set<Connection>>();
  readonly #timer: NodeJS.Timeout | undefined;

  /** @param onTrouble is told when no token can be checked */
  constructor(config: EdgeConfig, rules: Rules = NO_RULES, usage: Usage = new Usage(), onTrouble?: TroubleLog) {
    this.#config = config;
    this.#rules = rules;
    this.#usage = usage;
    this.#auth = createAuthenticator(config.auth, onTrouble);
    this.origins = config.origins;
    this.doorstep = new Doorstep(config.limits);
    if (!this.anonymous) this.#timer = setInterval(() => this.#closeExpired(), EXPIRY_TICK_MS);
  }

  /** Who somebody without a token is; `undefined` where one is needed. */
  get anonymous(): Identity | undefined {
    return this.#auth.anonymous;
  }

  /** @throws TokenError, ProtocolError as {@link Authenticator.verify} */
  verify(token: string): Promise<Identity> {
    return this.#auth.verify(token);
  }

  /**
   * Who sends this request, by its header or cookie; `undefined` when it says nothing of that. A cookie counts only
   * from our own pages and from origins that are named.
   * @throws as {@link verify}
   */
  async identify(request: FastifyRequest): Promise<Identity | undefined> {
    if (this.anonymous) return this.anonymous;
    const token = this.tokenOf(request);
    return token === undefined ? undefined : this.verify(token);
  }

  /** What {@link identify} looks at. */
  tokenOf(request: FastifyRequest): string | undefined {
    const { headers } = request;
    return bearerToken(headers) ?? (this.origins.trust(request) ? cookieToken(headers) : undefined);
  }

  /**
   * The one door of every room on this edge, also for those whom a moderator has banned.
   * @throws ProtocolError `not_allowed`
   */
  require(identity: Identity, room: string, action: Action): void {
    if (!may(identity, room, action)) throw new ProtocolError("not_allowed");
    const { userId, name = "" } = identity;
    // Without a token there is only a name, which is known when somebody joins or speaks (Moderation).
    if (userId !== undefined) requireNotBanned(this.#rules, { userId, user: name }, room);
  }

  /** @throws ProtocolError `rate_limited` */
  takeUserSend({ userId }: Identity): void {
    const { userSends } = this.#config.limits;
    if (userId === undefined || !userSends) return;
    const waitMs = this.#usage.take(`sends ${userId}`, userSends);
    if (waitMs > 0) throw new ProtocolError("rate_limited", { retryAfter: waitMs / 1000 });
  }

  /** Whether a socket of a page, or of no page, may be opened from there now. @throws ProtocolError `not_allowed`, `rate_limited` */
  requireEntrance(request: FastifyRequest): void {
    if (!this.origins.allow(request)) {
      throw new ProtocolError("not_allowed", {
        field: "origin",
        message: "Pages of that origin may not connect here.",
      });
    }
    const open = this.#addresses.get(addressOf(request.ip)) ?? 0;
    if (open >= this.#config.limits.addressConnections) {
      throw new ProtocolError("rate_limited", {
        message: "Too many connections from this address.",
        retryAfter: ADDRESS_FULL_RETRY_S,
      });
    }
  }

  /** Counts a connection on its address until {@link left}. */
  came(address: string): void {
    const key = addressOf(address);
    this.#addresses.set(key, (this.#addresses.get(key) ?? 0) + 1);
  }

  left(connection: Connection): void {
    const key = addressOf(connection.address);
    const open = (this.#addresses.get(key) ?? 0) - 1;
    if (open > 0) this.#addresses.set(key, open);
    else this.#addresses.delete(key);
    this.#forget(connection);
  }

  /**
   * Whether only what other edges tell stands against another connection. One that has died tells nothing more, and
   * its clients come back before that shows.
   */
  isFullElsewhere({ userId }: Identity): boolean {
    if (userId === undefined) return false;
    const here = this.connectionsOf(userId).size;
    return here < this.#config.limits.userConnections && this.#isFull(userId);
  }

  /** Gives the connection its identity, in place of the one it had. False: its user has as many connections as one may. */
  identified(connection: Connection, identity: Identity): boolean {
    const { userId } = identity;
    if (userId !== undefined) {
      // It may have gone while its token was checked: then nobody would count it out again.
      if (connection.closed) return false;
      const connections = this.#users.get(userId) ?? new Set();
      if (!connections.has(connection) && this.#isFull(userId)) return false;
      this.#users.set(userId, connections.add(connection));
      this.#tellOpen(userId);
    }
    connection.identity = identity;
    return true;
  }

  /** The connections of a user to this edge. */
  connectionsOf(userId: string): ReadonlySet<Connection> {
    return this.#users.get(userId) ?? new Set();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#usage.close();
  }

  #isFull(userId: string): boolean {
    const { userConnections } = this.#config.limits;
    if (!Number.isFinite(userConnections)) return false;
    return this.connectionsOf(userId).size + this.#usage.openElsewhere(userId) >= userConnections;
  }

  #tellOpen(userId: string): void {
    if (!Number.isFinite(this.#config.limits.userConnections)) return;
    this.#usage.setOpen(userId, this.connectionsOf(userId).size);
  }

  #forget(connection: Connection): void {
    const userId = connection.identity?.userId;
    if (userId === undefined) return;
    const connections = this.#users.get(userId);
    connections?.delete(connection);
    if (connections?.size === 0) this.#users.delete(userId);
    this.#tellOpen(userId);
  }

  #closeExpired(): void {
    const now = Date.now();
    for (const connections of this.#users.values()) {
      for (const connection of connections) {
        if (connection.identity!.expiresAt <= now) connection.close("tokenExpired");
      }
    }
  }
}

/** How a connection ends whose token was refused (F7). Keys that cannot be had are not its fault: it may come back. */
export function closeReason(error: unknown): "tokenExpired" | "invalidToken" | "serviceRestart" {
  if (!(error instanceof TokenError)) return "serviceRestart";
  return error.expired ? "tokenExpired" : "invalidToken";
}

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks; set where a route needs to know. */
    identity: Identity | undefined;
  }
}
