import { type DownFrame, type ErrorFrame, shouldReconnect, type WelcomeFrame } from "@madang/protocol/browser";
import { allowKind, requireKind } from "./arguments.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Connection, type HelloFrame } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { errorOf, MadangError } from "./errors.ts";
import { type MadangClientOptions, requireOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { isStable, reconnectDelay } from "./reconnect.ts";
import { Refresher } from "./refresher.ts";
import { Refusal } from "./refusal.ts";
import type { Room } from "./room.ts";
import { Rooms } from "./rooms.ts";
import { askToken, StopError, type TokenSource } from "./token.ts";
import { type TransportFactory, webSocketTransport } from "./transport.ts";
import { webSocketUrl } from "./url.ts";
import { onWake } from "./wake.ts";

/** `connecting` includes the waits between attempts. `connected` means that the server has sent its `welcome`. */
export type ClientState = "disconnected" | "connecting" | "connected";

export interface ClientEvents {
  state: ClientState;
  /** An error that belongs to no send and to no call of `refresh`. `token_failed` has the failure as its `cause`. */
  error: MadangError;
  /**
   * A connection or an attempt ended. `code` and `reason` are the server's, or 1006 if the connection broke. With
   * `reconnecting` the client retries with backoff. Otherwise it stays disconnected until `connect()` is called; `error`
   * is then the error that rejects pending sends.
   */
  close: { code: number; reason: string; reconnecting: boolean; error?: MadangError };
}

const NORMAL_CLOSURE = 1000;

/**
 * A client of Madang's full protocol. It reconnects by itself, resumes each room at its last event, and keeps each send
 * until the server has stored it. It does not fetch history (use HTTP). It does not give up on a server that is away:
 * only a close code, a refused `hello`, a {@link StopError} or `close()` stops it.
 */
export class MadangClient extends Emitter<ClientEvents> {
  readonly #url: string;
  readonly #userAsked: string | undefined;
  readonly #transport: TransportFactory;
  readonly #random: () => number;
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #rooms: Rooms;
  readonly #refresher: Refresher;

  #token: TokenSource | undefined;
  #state: ClientState = "disconnected";
  #user: string | undefined;
  #connection: Connection | undefined;
  #ended: MadangError | undefined;
  #refusal: Refusal | undefined;
  #failures = 0;
  #welcomedAt: number | undefined;
  #drainMs: number | undefined;
  #waiting = false;
  #cancelWait = () => {};
  #stopWake = () => {};

  /**
   * @throws MadangError `bad_url` for a URL that no WebSocket can open
   * @throws TypeError for options of a wrong type, and if there is neither a global WebSocket nor a `transport`
   */
  constructor(options: MadangClientOptions) {
    super();
    requireOptions(options);
    this.#url = webSocketUrl(options.url);
    this.#userAsked = options.user;
    this.#token = options.token;
    this.#transport = options.transport ?? webSocketTransport;
    this.#random = options.random ?? Math.random;
    this.#clock = options.clock ?? systemClock;
    this.#outbox = new Outbox({
      storage: options.storage,
      owner: [options.url, options.user ?? ""],
      now: () => this.#clock.now(),
      ...options.outbox,
    });
    this.#rooms = new Rooms({
      clock: this.#clock,
      random: this.#random,
      outbox: this.#outbox,
      user: () => this.#user,
      ended: () => this.#ended,
      send: (frame) => this.#connection?.send(frame),
      transmit: (frame) => this.#connection?.sendText(frame),
      probe: () => this.#connection?.probe(),
    });
    this.#refresher = new Refresher({
      clock: this.#clock,
      random: this.#random,
      send: (frame) => this.#connection?.send(frame),
      expiring: () => this.#refreshExpiring(),
    });
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The display name that the server gave this client. `undefined` before the first welcome. */
  get user(): string | undefined {
    return this.#user;
  }

  /** Starts connecting. It has no effect unless the client is disconnected. */
  connect(): void {
    if (this.#state !== "disconnected") return;
    this.#ended = undefined;
    this.#failures = 0;
    this.#stopWake = onWake(() => this.#wake());
    this.#open();
  }

  /**
   * Ends the connection and rejects pending sends and refreshes with `client_closed`. A storage keeps the sends, and the
   * next client of this user sends them. A page that unloads need not call this.
   */
  close(): void {
    this.#end(new MadangError("client_closed"));
  }

  /**
   * Joins a room now or when connected, and again after each reconnect. If the client is in the room already, it returns
   * that room and ignores `after`.
   * @param name 1 to 100 characters
   * @param options.after position of the last event that the caller has, `"<epoch>.<seq>"`. Without it: live events only
   * @throws MadangError `bad_room`, `bad_position`, or `too_many_rooms` above the server's limit (default 128)
   * @throws TypeError for options of a wrong type
   */
  join(name: string, options: { after?: string } = {}): Room {
    requireKind("object", options, "join: options");
    allowKind("string", options.after, "join: after");
    return this.#rooms.join(name, options.after);
  }

  /**
   * Replaces the token of the live connection, so that the server applies new rights without a reconnect. Resolves when
   * the server has accepted the token. While the client is connecting, it waits for the connection. The server closes the
   * connection after an invalid token (3500) and after an expired one (3005).
   *
   * The client also calls this itself before the token expires, if the client has a token function and the token is a
   * JWT with an `exp` claim.
   * @param token at most 8,192 characters, of the same user. Default: the result of the token function. A client without
   *   a token function also uses it for later connections
   * @throws MadangError (as a rejection) for an error of the server (`unauthorized`, `rate_limited`, or `not_allowed` on
   *   a server without authentication), `token_failed`, `token_stopped`, `client_closed`, `connection_refused`
   * @throws TypeError (as a rejection) if there is neither `token` nor a token function
   */
  async refresh(token?: string): Promise<void> {
    allowKind("string", token, "refresh: token");
    if (token !== undefined && typeof this.#token !== "function") this.#token = token;
    if (this.#ended) throw this.#ended;
    const next = token ?? (await this.#newToken());
    if (this.#ended) throw this.#ended;
    return this.#refresher.refresh(next);
  }

  async #newToken(): Promise<string> {
    const source = this.#token;
    if (typeof source !== "function")
      throw new TypeError("refresh: pass a token, or give the client a token function.");
    try {
      return await askToken(source);
    } catch (cause) {
      throw this.#tokenError(cause);
    }
  }

  /** The error of a failed token function. A {@link StopError} stops the client. */
  #tokenError(cause: unknown): MadangError {
    if (!(cause instanceof StopError)) return new MadangError("token_failed", { cause });
    const error = new MadangError("token_stopped", { message: cause.message, cause });
    if (!this.#ended) this.#end(error, error.message);
    return error;
  }

  #refreshExpiring(): void {
    this.refresh().catch((error: MadangError) => {
      // A server without authentication has no token to refresh.
      if (this.#ended || error.code === "not_allowed") return;
      this.#refresher.retry();
      this.emit("error", error);
    });
  }

  #open(): void {
    this.#cancelWait();
    this.#waiting = false;
    this.#drainMs = undefined;
    this.#welcomedAt = undefined;
    this.#refusal = undefined;
    const connection = new Connection({
      url: this.#url,
      transport: this.#transport,
      clock: this.#clock,
      token: this.#token,
      hello: (token) => this.#hello(token),
      welcome: (frame, token) => this.#onWelcome(frame, token),
      refreshed: (frame) => this.#onRefreshed(frame),
      frame: (frame) => this.#onFrame(frame),
      tokenFailed: (cause) => this.#onTokenFailed(cause),
      closed: (code, reason) => this.#onClosed(code, reason),
    });
    this.#connection = connection;
    this.#setState("connecting");
    // A listener may have closed the client.
    if (this.#connection === connection) connection.start();
  }

  #hello(token: string | undefined): HelloFrame {
    return {
      type: "hello",
      ...(this.#userAsked === undefined ? {} : { user: this.#userAsked }),
      ...(token === undefined ? {} : { token }),
      join: this.#rooms.requests(),
    };
  }

  #onWelcome({ user, limits }: WelcomeFrame, token: string | undefined): void {
    this.#user = user;
    this.#welcomedAt = this.#clock.now();
    this.#rooms.welcomed(limits.rooms);
    this.#refresher.connected(typeof this.#token === "function" ? token : undefined);
    this.#setState("connected");
  }

  #onRefreshed({ user, limits }: WelcomeFrame): void {
    this.#user = user;
    this.#rooms.limit(limits.rooms);
    this.#refresher.accepted();
  }

  #onTokenFailed(cause: unknown): void {
    const error = this.#tokenError(cause);
    if (error.code === "token_failed") this.emit("error", error);
  }

  #onFrame(frame: Exclude<DownFrame, WelcomeFrame>): void {
    if (frame.type === "drain") this.#drainMs = frame.reconnectAfter;
    else if (frame.type !== "error") this.#rooms.onFrame(frame);
    else if (!this.#rooms.onError(frame)) this.#onError(frame);
  }

  #onError(frame: ErrorFrame): void {
    const error = errorOf(frame);
    if (frame.room === undefined) {
      if (this.#refresher.refused(error)) return;
      // Before the welcome, an error without a room answers the hello.
      if (this.#state === "connecting" && !error.temporary) this.#onRefused(error);
    }
    this.emit("error", error);
  }

  #onRefused(error: MadangError): void {
    this.#refusal ??= new Refusal(error, typeof this.#token === "function");
    if (this.#refusal.isFinal) this.#connection?.awaitClose();
  }

  #onClosed(code: number, reason: string): void {
    const refusal = this.#refusal;
    const end = refusal?.isFinal ? refusal.closeOf(code, reason) : { code, reason };
    const livedMs = this.#welcomedAt === undefined ? 0 : this.#clock.now() - this.#welcomedAt;
    if (isStable(livedMs)) this.#failures = 0;
    if (refusal?.isFinal || !shouldReconnect(code)) {
      const message = `The server closed the connection: ${code}${reason && ` (${reason})`}.`;
      const error = refusal?.error ?? new MadangError("connection_refused", { message });
      this.#stop(error, false);
      this.emit("close", { ...end, reconnecting: false, error });
    } else {
      const delayMs = reconnectDelay(this.#failures++, this.#drainMs, this.#random);
      this.#disconnect();
      this.#waiting = true;
      this.#cancelWait = this.#clock.after(delayMs, () => this.#open());
      this.#setState("connecting");
      this.emit("close", { ...end, reconnecting: true });
    }
  }

  /** The network or the user is back: ends a backoff, and checks a connection that is silent. */
  #wake(): void {
    if (this.#waiting) this.#open();
    else this.#connection?.probe();
  }

  #disconnect(): void {
    this.#connection = undefined;
    this.#refresher.disconnected();
    this.#rooms.disconnected();
  }

  /** The application ends the client. A storage keeps the sends. */
  #end(error: MadangError, reason = ""): void {
    const wasActive = this.#state !== "disconnected";
    this.#connection?.close();
    this.#stop(error, this.#outbox.persistent);
    if (wasActive) this.emit("close", { code: NORMAL_CLOSURE, reason, reconnecting: false, error });
  }

  #stop(error: MadangError, keepSends: boolean): void {
    this.#ended = error;
    this.#cancelWait();
    this.#waiting = false;
    this.#stopWake();
    this.#disconnect();
    const before = this.#state;
    this.#state = "disconnected";
    this.#refresher.giveUp(error);
    this.#rooms.giveUp(error, keepSends);
    // A listener may have connected again.
    if (before !== "disconnected" && this.#state === "disconnected") this.emit("state", "disconnected");
  }

  #setState(state: ClientState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.emit("state", state);
  }
}
