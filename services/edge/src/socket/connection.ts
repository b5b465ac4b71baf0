import type { Socket } from "node:net";
import type { Identity } from "@madang/auth";
import {
  type About,
  aboutOf,
  CLOSE_CODES,
  type CloseReason,
  type ControlFrame,
  decodePlain,
  decodeUp,
  errorFrame,
  type PlainMessageFrame,
  ProtocolError,
  type UpFrame,
} from "@madang/protocol";
import type { WebSocket } from "ws";
import { closeReason } from "../access/guard.ts";
import { Turns } from "../queues/concurrency-limit.ts";
import type { Hub } from "../rooms/hub.ts";
import type { Member } from "../rooms/member.ts";
import { Allowance } from "../session/allowance.ts";
import { handleFrame } from "../session/frames/index.ts";
import { handlePlainMessage } from "../session/frames/plain-message.ts";
import { Owed } from "../session/pending-answers.ts";
import { CONNECTION, type Speaker } from "./closing.ts";
import { Pulse } from "./liveness.ts";
import { textFrame } from "./websocket-frame.ts";

/** F8: with more than this unsent, live events wait in the log and the client's own frames in its network. */
const BACKLOG_HIGH_BYTES = 1024 * 1024;
const BACKLOG_LOW_BYTES = 256 * 1024;
/** Each brings up to 1 MiB, whether the client reads it or not: in all of its rooms together it has so many at once. */
const REPLAYS_AT_ONCE = 2;
/** With this many of its messages waiting for the log, a client is read no further until half of them are stored. */
const MAX_UNANSWERED = 128;
/** How long a close handshake may take before the socket is cut. */
const CLOSE_LIMIT_MS = 2000;
/** As much as a client may have sent before it could know that it is being closed, with something for each frame. */
const LATE_MAX_BYTES = 256 * 1024;
const FRAME_COST_BYTES = 64;

type Tied = { [CONNECTION]: Connection };

/**
 * One socket. Frames of the server are written past the WebSocket library, straight to the TCP socket, as bytes that
 * are built once for all; the library keeps parsing, pongs and the close handshake. That is sound only without
 * compression: then the library, too, writes whole frames at once.
 */
export class Connection implements Speaker {
  static readonly #handlers = {
    message(this: unknown, data: unknown, isBinary: boolean): void {
      (this as Tied)[CONNECTION].#onFrame(data as Buffer, isBinary);
    },
    pong(this: unknown, data: Buffer): void {
      (this as Tied)[CONNECTION].#onPong(data);
    },
    control(this: unknown, data: Buffer): void {
      (this as Tied)[CONNECTION].#onControl(data);
    },
    close(this: unknown): void {
      (this as Tied)[CONNECTION].#onClose();
    },
    drain(this: unknown): void {
      (this as Tied)[CONNECTION].#onDrain();
    },
    error(this: unknown): void {
      (this as Tied)[CONNECTION].#onError();
    },
  };

  readonly id: string;
  /** P1: the tutorial's clients, one room by URL. */
  readonly isPlain: boolean;
  readonly hub: Hub;
  readonly members = new Map<string, Member>();
  /** Who speaks here; set by hello, and undefined for plain clients, whose messages each name their user. */
  user: string | undefined;
  /** The name last used here, by which a moderator may know somebody without a token. */
  spokenAs: string | undefined;
  /** Whom its token proved; where none is needed, anyone. */
  identity: Identity | undefined;
  /** Where it comes from. */
  readonly address: string;
  readonly allowance: Allowance;
  readonly #pulse: Pulse;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  /** Bytes of this turn that are not written yet. */
  #outbox: Buffer[] = [];
  readonly #drainWaiters: (() => void)[] = [];
  #replays: Turns | undefined;
  readonly #owed = new Owed();
  /** Rooms that the client has left while it was owed answers. */
  #left: Set<string> | undefined;
  #readingPaused = false;
  /** Frames that came while a token is being checked. */
  #held: [data: Buffer, isBinary: boolean][] | undefined;
  #leaving = false;
  #closed = false;
  #messages = 0;
  #lateBytes = 0;

  constructor(hub: Hub, id: string, ws: WebSocket, socket: Socket, address: string, isPlain: boolean) {
    this.hub = hub;
    this.id = id;
    this.address = address;
    this.isPlain = isPlain;
    this.allowance = new Allowance(hub.config.limits);
    this.#ws = ws;
    this.#socket = socket;
    this.#pulse = new Pulse(socket);
    socket.setNoDelay(true);
    Object.assign(ws, { [CONNECTION]: this });
    Object.assign(socket, { [CONNECTION]: this });
    ws.on("message", Connection.#handlers.message);
    ws.on("pong", Connection.#handlers.pong);
    ws.on("ping", Connection.#handlers.control);
    ws.on("close", Connection.#handlers.close);
    ws.on("error", Connection.#handlers.error);
    socket.on("drain", Connection.#handlers.drain);
    hub.intake.regulate(socket, ws);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** After a close frame, of either side's beginning, nothing may follow (RFC 6455, 5.5.1). */
  get #isOver(): boolean {
    return this.#closed || this.#ws.readyState !== this.#ws.OPEN;
  }

  /** Bytes that the client has not taken yet. */
  get backlog(): number {
    return this.#socket.writableLength;
  }

  /** Whether that person speaks here. */
  isOf({ user, userId }: { readonly user: string; readonly userId?: string }): boolean {
    return userId === undefined ? this.user === user : this.identity?.userId === userId;
  }

  /** A unique id for a message that came without a nonce. */
  nextMessageId(): string {
    return `${this.id}-${this.#messages++}`;
  }

  /** Sends a frame about the connection, after everything written before, at the end of this turn at the latest. */
  send(frame: ControlFrame): void {
    if (this.#isOver) return;
    if (this.#outbox.length === 0) this.hub.writeLater(this);
    this.#outbox.push(textFrame(frame));
  }

  sendError(error: unknown, about: About = {}): void {
    this.send(errorFrame(error, about));
  }

  /** Writes live events. False, and nothing written, when the socket has too much unsent already. */
  writeEvents(bytes: Buffer): boolean {
    if (this.#isOver) return true;
    if (this.backlog > BACKLOG_HIGH_BYTES) return false;
    this.write(bytes);
    return true;
  }

  write(bytes: Buffer): void {
    if (this.#isOver) return;
    if (this.#outbox.length > 0) {
      this.#outbox.push(bytes);
      this.flush();
    } else {
      this.#socket.write(bytes);
    }
  }

  /** Writes what this turn has for the socket. */
  flush(): void {
    if (this.#outbox.length === 0) return;
    const bytes = this.#outbox.length === 1 ? this.#outbox[0]! : Buffer.concat(this.#outbox);
    this.#outbox = [];
    if (!this.#isOver) this.#socket.write(bytes);
    this.#regulate();
  }

  /** Resolves when the socket can take more. */
  async drained(): Promise<void> {
    while (!this.#closed && this.backlog > BACKLOG_LOW_BYTES) {
      await new Promise<void>((resolve) => this.#drainWaiters.push(resolve));
    }
  }

  /** F8: does what reads a room's past and writes it to the socket, when it is its turn and the socket can take more. */
  replay<T>(work: () => Promise<T>): Promise<T> {
    this.#replays ??= new Turns(REPLAYS_AT_ONCE);
    return this.#replays.run(() => this.drained().then(work));
  }

  /** Counts an answer that the client is owed, and stops reading from it while there are too many. */
  owe(): void {
    this.#owed.add();
    this.#regulate();
  }

  /** One of the answers owed is there, and goes out in this turn. */
  settle(stored: boolean): void {
    this.#owed.settle();
    if (stored) this.hub.counts.stored++;
    else this.hub.counts.refused++;
    this.#regulate();
    if (this.#owed.count === 0) this.#left = undefined;
  }

  /** Takes the client out of a room and says so. False when it is not in there. */
  leaveRoom(room: string): boolean {
    const member = this.members.get(room);
    if (!member) return false;
    member.leave();
    this.members.delete(room);
    if (this.#owed.count > 0) this.#left = (this.#left ?? new Set()).add(room);
    this.send({ type: "left", room });
    return true;
  }

  /**
   * Holds back the frames that come until `check` is done, since what they may do depends on it: their order stays.
   * A check that fails ends the connection.
   */
  hold(check: Promise<void>): void {
    this.#held = [];
    this.#regulate();
    const fail = (error: unknown) => {
      this.sendError(error);
      this.close(closeReason(error));
    };
    void check.catch(fail).then(() => {
      const held = this.#held ?? [];
      this.#held = undefined;
      for (const [data, isBinary] of held) this.#onFrame(data, isBinary);
      this.#regulate();
    });
  }

  /** Asks the client for a sign of life (F6). */
  ping(now: number): void {
    if (!this.#closed && !this.#leaving) this.#pulse.ask(now);
  }

  /** Anything came in since the last {@link ping}. */
  get alive(): boolean {
    return this.#pulse.alive;
  }

  /** F6: whether nothing came for `limitMs` after a ping, though it was read and had the time to come. */
  isSilent(now: number, limitMs: number): boolean {
    return !this.#readingPaused && this.#pulse.isSilent(now, limitMs);
  }

  /** Milliseconds for which nothing of what is unsent has left (F8). */
  stuckFor(now: number): number {
    return this.#pulse.stuckFor(now);
  }

  /** Closes with a code from the table; cuts the socket when the other side does not answer. */
  close(reason: CloseReason): void {
    if (this.#closed) return;
    this.flush();
    this.#leaving = true;
    const { code, reason: text } = CLOSE_CODES[reason];
    this.#ws.close(code, text);
    // The close handshake needs the client's answer to be read.
    this.#ws.resume();
    this.#cutLater();
  }

  /**
   * Takes leave of the client: reads no further, answers what it has sent (after `limitMs` with `log_unavailable`), tells
   * it when to come back, and closes with 1012.
   */
  async drain(limitMs: number, reconnectAfterMs: number): Promise<void> {
    if (this.#closed || this.#leaving) return;
    this.#leaving = true;
    this.#ws.pause();
    await this.#answer(limitMs);
    if (!this.isPlain) this.send({ type: "drain", reconnectAfter: reconnectAfterMs });
    this.close("serviceRestart");
  }

  answerAll(limitMs: number): Promise<void> | undefined {
    if (this.#owed.count === 0 && !this.isPlain) return undefined;
    this.#leaving = true;
    return this.#answer(limitMs).then(() => this.flush());
  }

  async #answer(limitMs: number): Promise<void> {
    if (!(await this.#owed.settled(limitMs))) await this.#giveUp();
    if (this.isPlain) await Promise.all([...this.members.values()].map((member) => member.echoed(limitMs)));
  }

  /** What has no answer is answered now: whether it is stored, nobody can tell. */
  async #giveUp(): Promise<void> {
    const { log } = this.hub;
    for (const room of [...this.members.keys(), ...(this.#left ?? [])]) log.lane(room, this.id).abandon();
    // The answers are written by who waited for them.
    await new Promise((resolve) => setImmediate(resolve));
  }

  #cutLater(): void {
    setTimeout(() => this.#ws.terminate(), CLOSE_LIMIT_MS).unref();
  }

  /** What came is no WebSocket: the library closes with 1002, 1007, 1008 or 1009, and can read nothing more. */
  #onError(): void {
    this.#leaving = true;
    this.hub.intake.ignore(this.#socket);
    this.#cutLater();
  }

  #onFrame(data: Buffer, isBinary: boolean): void {
    // After the last answer nothing more is taken: the client sends it again elsewhere.
    if (this.#leaving || this.#closed) return this.#onLate(data);
    if (this.#held) {
      this.#held.push([data, isBinary]);
      return;
    }
    let frame: UpFrame | PlainMessageFrame | undefined;
    try {
      if (isBinary) throw new ProtocolError("binary_frame");
      const text = data.toString("utf8");
      if (this.isPlain) {
        frame = decodePlain(text);
        handlePlainMessage(this, frame);
      } else {
        frame = decodeUp(text);
        handleFrame(this, frame);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) this.hub.logger.error({ err: error as Error }, "frame handler failed");
      this.sendError(error, frame && aboutOf(frame));
      this.refused(frame ? undefined : data.length);
    }
  }

  #onPong(data: Buffer): void {
    this.#pulse.answered();
    this.#onControl(data);
  }

  /** To read these costs as much as any other frame, and no limit of the protocol is about them: they count as refused. */
  #onControl(data: Buffer): void {
    if (this.#leaving || this.#closed) this.#onLate(data);
    else this.refused();
  }

  /** Some frames cross the farewell; who goes on talking does not listen to it. */
  #onLate(data: Buffer): void {
    this.#lateBytes += data.length + FRAME_COST_BYTES;
    if (this.#lateBytes > LATE_MAX_BYTES) this.#ws.terminate();
  }

  /**
   * To be called for each frame that was not obeyed: one that goes on and on in spite of that is closed (3013).
   * @param nonsenseBytes of one that was not even understood
   */
  refused(nonsenseBytes?: number): void {
    if (this.allowance.bearsRefusal(nonsenseBytes)) return;
    this.close("tooManyRequests");
    // Whatever it has to say to that, it has said enough: the limit of the closing ends it.
    this.#ws.pause();
    this.hub.guard.doorstep.expelled(this.address);
  }

  #regulate(): void {
    const busy = this.#owed.count >= (this.#readingPaused ? MAX_UNANSWERED / 2 : MAX_UNANSWERED);
    const full = this.backlog > (this.#readingPaused ? BACKLOG_LOW_BYTES : BACKLOG_HIGH_BYTES);
    const wait = busy || full || this.#held !== undefined;
    if (this.#leaving || wait === this.#readingPaused) return;
    this.#readingPaused = !this.#readingPaused;
    // What is not read is no silence.
    this.#pulse.excuse();
    if (this.#readingPaused) this.#ws.pause();
    else this.#ws.resume();
  }

  #onDrain(): void {
    this.#regulate();
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
  }

  #onClose(): void {
    this.#closed = true;
    this.#outbox = [];
    this.#onDrain();
    for (const member of this.members.values()) member.leave();
    this.members.clear();
    this.hub.disconnected(this);
  }
}
