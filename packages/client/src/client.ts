import { CLOSE_CODES, type DownFrame, type ErrorFrame, type WelcomeFrame } from "@madang/protocol/browser";
import { allowBound, allowKind, requireKind } from "./arguments.ts";
import { type Clock, systemClock } from "./clock.ts";
import { Connection, type HelloFrame, type TokenSource } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { errorOf, MadangError } from "./errors.ts";
import { Outbox, type OutboxStorage } from "./outbox.ts";
import { isStable, reconnectDelay } from "./reconnect.ts";
import type { Room } from "./room.ts";
import { Rooms } from "./rooms.ts";
import { type TransportFactory, webSocketTransport } from "./transport.ts";
import { webSocketUrl } from "./url.ts";
import { onWake } from "./wake.ts";

export interface MadangClientOptions {
  /**
   * Of the full protocol, such as `wss://chat.example/ws`: ws, wss, http (as ws) or https (as wss), without a fragment;
   * in a page it may be relative.
   */
  readonly url: string;
  /** The nickname, where the server lets people choose one. */
  readonly user?: string;
  /** A function is asked anew for each connection. The token travels in the first frame, never in the URL. */
  readonly token?: string | (() => Promise<string>);
  /** Keeps sends without an answer beyond the life of this client, per user and URL: `localStorage` or alike. */
  readonly storage?: OutboxStorage;
  readonly outbox?: { readonly maxSends?: number; readonly maxBytes?: number };
  readonly transport?: TransportFactory;
  /** For jitter; as Math.random. */
  readonly random?: () => number;
  readonly clock?: Clock;
}

/** `connecting` includes the waits between attempts; `connected`: welcomed by the server. */
export type ClientState = "disconnected" | "connecting" | "connected";

export interface ClientEvents {
  state: ClientState;
  /** An error that belongs to no send. */
  error: ErrorFrame;
  /** A connection or an attempt ended. Without `reconnecting` it is over until `connect` is called again. */
  close: { code: number; reason: string; reconnecting: boolean };
}

const NORMAL_CLOSURE = 1000;

/**
 * A client of Madang's full protocol. It connects, and connects again, by itself; resumes every room where it was;
 * keeps what was sent until the server has stored it.
 *
 * Deliberately not done: renewing a token in-band (a connection whose token expired is closed with 3005 and comes
 * back with a new one, and resuming leaves no hole), fetching history (that is HTTP), and giving up on a server that
 * is away (only its close codes can say "stop").
 */
export class MadangClient extends Emitter<ClientEvents> {
  readonly #url: string;
  readonly #userAsked: string | undefined;
  readonly #token: TokenSource;
  readonly #transport: TransportFactory;
  readonly #random: () => number;
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #rooms: Rooms;

  #state: ClientState = "disconnected";
  #user: string | undefined;
  #connection: Connection | undefined;
  #ended: MadangError | undefined;
  #failures = 0;
  #welcomedAt: number | undefined;
  #drainMs: number | undefined;
  #waiting = false;
  #cancelWait = () => {};
  #stopWake = () => {};

  /**
   * @throws MadangError `bad_url` for a URL that no WebSocket could be opened at, so that it is not tried for ever
   * @throws TypeError where there is neither a WebSocket nor a `transport`, and for options that are not of their types
   */
  constructor(options: MadangClientOptions) {
    super();
    requireOptions(options);
    if (!options.transport && typeof WebSocket === "undefined") {
      throw new TypeError("There is no WebSocket here: Node has one since 22, or give a transport.");
    }
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
  }

  get state(): ClientState {
    return this.#state;
  }

  /** The name that the server knows this client by; `undefined` before the first welcome. */
  get user(): string | undefined {
    return this.#user;
  }

  /** Without effect unless disconnected. */
  connect(): void {
    if (this.#state !== "disconnected") return;
    this.#ended = undefined;
    this.#failures = 0;
    this.#stopWake = onWake(() => this.#wake());
    this.#open();
  }

  /**
   * Ends the connection and rejects pending sends with `client_closed`. With a storage they are kept there all the
   * same, and go out with the next connection of this user; a page that is merely left need not call this.
   */
  close(): void {
    const active = this.#state !== "disconnected";
    this.#connection?.close();
    this.#stop(new MadangError("client_closed"), this.#outbox.persistent);
    if (active) this.emit("close", { code: NORMAL_CLOSURE, reason: "", reconnecting: false });
  }

  /**
   * Comes into a room, now or when connected, and again after each reconnect. A room joined already is returned as it
   * is, whatever `after` says.
   * @param options.after position of the last event known, `"<epoch>.<seq>"`; without it, live from the join on
   * @throws MadangError `bad_room`, `bad_position`, `too_many_rooms`
   * @throws TypeError for options that are not of their types
   */
  join(name: string, options: { after?: string } = {}): Room {
    requireKind("object", options, "join: options");
    allowKind("string", options.after, "join: after");
    return this.#rooms.join(name, options.after);
  }

  #open(): void {
    this.#cancelWait();
    this.#waiting = false;
    this.#drainMs = undefined;
    this.#welcomedAt = undefined;
    const connection = new Connection({
      url: this.#url,
      transport: this.#transport,
      clock: this.#clock,
      token: this.#token,
      hello: (token) => this.#hello(token),
      welcome: (frame) => this.#onWelcome(frame),
      frame: (frame) => this.#onFrame(frame),
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

  #onWelcome({ user, limits }: WelcomeFrame): void {
    this.#user = user;
    this.#welcomedAt = this.#clock.now();
    this.#rooms.welcomed(limits.rooms);
    this.#setState("connected");
  }

  #onFrame(frame: Exclude<DownFrame, WelcomeFrame>): void {
    if (frame.type === "drain") this.#drainMs = frame.reconnectAfter;
    else if (frame.type !== "error") this.#rooms.onFrame(frame);
    else if (!this.#rooms.onError(frame)) this.#onError(frame);
  }

  #onError(frame: ErrorFrame): void {
    this.emit("error", frame);
    // Without a welcome it is about the hello. The next one would be the same; but it may have another token, so of that
    // the close code decides (F7: an expired one is 3005).
    const mayDiffer = frame.code === "unauthorized" && typeof this.#token === "function";
    const isFinal = frame.room === undefined && !frame.temporary && !mayDiffer;
    if (isFinal && this.#state === "connecting") this.#refused(frame);
  }

  #onClosed(code: number, reason: string): void {
    const livedMs = this.#welcomedAt === undefined ? 0 : this.#clock.now() - this.#welcomedAt;
    if (isStable(livedMs)) this.#failures = 0;
    const delay = reconnectDelay(code, this.#failures++, this.#drainMs, this.#random);
    if (delay === undefined) {
      const message = `The server closed the connection for good: ${code}${reason && ` (${reason})`}.`;
      this.#stop(new MadangError("connection_refused", { message }), false);
    } else {
      this.#disconnect();
      this.#waiting = true;
      this.#cancelWait = this.#clock.after(delay, () => this.#open());
      this.#setState("connecting");
    }
    this.emit("close", { code, reason, reconnecting: delay !== undefined });
  }

  #refused(frame: ErrorFrame): void {
    this.#connection?.close();
    this.#stop(errorOf(frame), false);
    this.emit("close", { code: CLOSE_CODES.badRequest.code, reason: frame.code, reconnecting: false });
  }

  /** The network or the person is back: do not sit out a back-off, and do not trust a connection that is silent. */
  #wake(): void {
    if (this.#waiting) this.#open();
    else this.#connection?.probe();
  }

  #disconnect(): void {
    this.#connection = undefined;
    this.#rooms.disconnected();
  }

  #stop(error: MadangError, keepSends: boolean): void {
    this.#ended = error;
    this.#cancelWait();
    this.#waiting = false;
    this.#stopWake();
    this.#disconnect();
    const before = this.#state;
    this.#state = "disconnected";
    this.#rooms.giveUp(error, keepSends);
    // Whoever heard of a failure there may have connected again.
    if (before !== "disconnected" && this.#state === "disconnected") this.emit("state", "disconnected");
  }

  #setState(state: ClientState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.emit("state", state);
  }
}

function requireOptions(options: MadangClientOptions): void {
  requireKind("object", options, "MadangClient: options");
  requireKind("string", options.url, "MadangClient: url");
  allowKind("string", options.user, "MadangClient: user");
  if (typeof options.token !== "function") allowKind("string", options.token, "MadangClient: token");
  // Where a platform has none, `localStorage` is null.
  allowKind("object", options.storage ?? undefined, "MadangClient: storage");
  allowKind("object", options.outbox, "MadangClient: outbox");
  allowBound(options.outbox?.maxSends, "MadangClient: outbox.maxSends");
  allowBound(options.outbox?.maxBytes, "MadangClient: outbox.maxBytes");
  allowKind("function", options.transport, "MadangClient: transport");
  allowKind("function", options.random, "MadangClient: random");
  allowKind("object", options.clock, "MadangClient: clock");
}
