import {
  CLOSE_CODES,
  type DownFrame,
  type ErrorFrame,
  parsePosition,
  parseRoomName,
  type UpFrame,
  type WelcomeFrame,
} from "@madang/protocol/browser";
import { type Clock, systemClock } from "./clock.ts";
import { Connection, type HelloFrame, type TokenSource } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { MadangError } from "./errors.ts";
import { Outbox, type OutboxStorage } from "./outbox.ts";
import { isStable, reconnectDelay } from "./reconnect.ts";
import { type Room, type RoomDeps, RoomSession } from "./room.ts";
import { type TransportFactory, webSocketTransport } from "./transport.ts";
import { onWake } from "./wake.ts";

export interface MadangClientOptions {
  /** Of the full protocol, such as `wss://chat.example/ws`. */
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

type RoomFrame = Extract<DownFrame, { room: string }>;

/** The server's default limit (F5), until its welcome says which it is. */
const ROOMS_MAX = 128;
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
  readonly #roomDeps: RoomDeps;
  readonly #rooms = new Map<string, RoomSession>();
  /** Who was asked for on the present connection. */
  readonly #asked = new Map<string, RoomSession>();
  /** Rooms whose `left` has not come: until then, their frames belong to nobody. */
  readonly #leaving = new Set<string>();

  #state: ClientState = "disconnected";
  #user: string | undefined;
  #roomsMax = ROOMS_MAX;
  #connection: Connection | undefined;
  #ended: MadangError | undefined;
  #failures = 0;
  #welcomedAt: number | undefined;
  #drainMs: number | undefined;
  #waiting = false;
  #cancelWait = () => {};
  #stopWake = () => {};

  constructor(options: MadangClientOptions) {
    super();
    this.#url = options.url;
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
    this.#roomDeps = {
      clock: this.#clock,
      random: this.#random,
      outbox: this.#outbox,
      user: () => this.#user,
      ended: () => this.#ended,
      transmit: (frame) => this.#connection?.sendText(frame),
      join: (room) => this.#join(room),
      leave: (room) => this.#leave(room),
      probe: () => this.#connection?.probe(),
    };
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
   */
  join(name: string, options: { after?: string } = {}): Room {
    const canonical = parseRoomName(name);
    if (canonical === undefined) throw new MadangError("bad_room");
    const known = this.#rooms.get(canonical);
    if (known) return known;
    const after = options.after === undefined ? undefined : parsePosition(options.after);
    if (options.after !== undefined && !after) throw new MadangError("bad_position");
    if (this.#rooms.size >= this.#roomsMax) throw new MadangError("too_many_rooms");
    const room = new RoomSession(canonical, after, this.#roomDeps);
    this.#rooms.set(canonical, room);
    this.#join(room);
    return room;
  }

  #join(room: RoomSession): void {
    if (this.#state !== "connected" || this.#leaving.has(room.name) || this.#rooms.get(room.name) !== room) return;
    this.#asked.set(room.name, room);
    this.#send({ type: "join", ...room.joinRequest() });
  }

  #leave(room: RoomSession): void {
    if (this.#rooms.get(room.name) !== room) return;
    this.#rooms.delete(room.name);
    if (this.#state === "connected" && this.#asked.get(room.name) === room) this.#retire(room.name);
  }

  #retire(name: string): void {
    this.#asked.delete(name);
    this.#leaving.add(name);
    this.#send({ type: "leave", room: name });
  }

  #send(frame: UpFrame): void {
    this.#connection?.send(frame);
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
    for (const [name, room] of this.#rooms) this.#asked.set(name, room);
    return {
      type: "hello",
      ...(this.#userAsked === undefined ? {} : { user: this.#userAsked }),
      ...(token === undefined ? {} : { token }),
      join: [...this.#rooms.values()].map((room) => room.joinRequest()),
    };
  }

  #onWelcome({ user, limits }: WelcomeFrame): void {
    this.#user = user;
    this.#roomsMax = limits.rooms;
    this.#welcomedAt = this.#clock.now();
    this.#setState("connected");
    // What was joined and left since the hello.
    for (const [name, room] of this.#asked) if (this.#rooms.get(name) !== room) this.#retire(name);
    for (const [name, room] of this.#rooms) if (!this.#asked.has(name)) this.#join(room);
  }

  #onFrame(frame: Exclude<DownFrame, WelcomeFrame>): void {
    if (frame.type === "drain") this.#drainMs = frame.reconnectAfter;
    else if (frame.type === "error") this.#onError(frame);
    else if (!this.#leaving.has(frame.room)) this.#onRoomFrame(frame);
    else if (frame.type === "left") this.#onLeft(frame.room);
  }

  #onRoomFrame(frame: RoomFrame): void {
    const room = this.#rooms.get(frame.room);
    if (!room) return;
    switch (frame.type) {
      case "joined":
        room.onJoined(frame);
        break;
      case "caughtUp":
        room.onCaughtUp(frame);
        break;
      case "ack":
        room.onAck({ nonce: frame.nonce, seq: frame.seq, epoch: frame.epoch, duplicate: frame.duplicate });
        break;
      case "left":
        // Unasked: the server took the client out of the room.
        this.#rooms.delete(frame.room);
        room.end(new MadangError("room_left"));
        break;
      default:
        room.onEvent(frame);
    }
  }

  #onError(frame: ErrorFrame): void {
    const { room: name, nonce } = frame;
    if (nonce !== undefined) {
      // Of no room: an answer to a try before the last one, or to a send that was given up.
      const rooms = name === undefined ? [...this.#rooms.values()] : [this.#rooms.get(name)];
      for (const room of rooms) room?.onSendError(nonce, frame);
    } else if (frame.code === "not_joined") {
      // Only a leave is answered so: the client's own sign of life, or a leave that the server knows nothing of.
      if (name !== undefined && this.#leaving.has(name)) this.#onLeft(name);
    } else if (name === undefined) {
      this.emit("error", frame);
      // Without a welcome it is about the hello. The next one would be the same.
      if (this.#state === "connecting" && !frame.temporary) this.#refused(frame);
    } else if (this.#leaving.has(name)) {
      // The join before the leave was refused.
      this.#onLeft(name);
    } else {
      const room = this.#rooms.get(name);
      if (!room) return;
      if (room.onError(frame)) this.#rooms.delete(name);
      this.emit("error", frame);
    }
  }

  #onLeft(name: string): void {
    this.#leaving.delete(name);
    const room = this.#rooms.get(name);
    if (room) this.#join(room);
  }

  #onClosed(code: number, reason: string): void {
    const livedMs = this.#welcomedAt === undefined ? 0 : this.#clock.now() - this.#welcomedAt;
    if (isStable(livedMs, this.#failures)) this.#failures = 0;
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
    this.#stop(MadangError.of(frame), false);
    this.emit("close", { code: CLOSE_CODES.badRequest.code, reason: frame.code, reconnecting: false });
  }

  /** The network or the person is back: do not sit out a back-off, and do not trust a connection that is silent. */
  #wake(): void {
    if (this.#waiting) this.#open();
    else this.#connection?.probe();
  }

  #disconnect(): void {
    this.#connection = undefined;
    this.#asked.clear();
    this.#leaving.clear();
    for (const room of this.#rooms.values()) room.disconnected();
  }

  #stop(error: MadangError, keepSends: boolean): void {
    this.#ended = error;
    this.#cancelWait();
    this.#waiting = false;
    this.#stopWake();
    this.#disconnect();
    for (const room of [...this.#rooms.values()]) room.giveUp(error, keepSends);
    this.#setState("disconnected");
  }

  #setState(state: ClientState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.emit("state", state);
  }
}
