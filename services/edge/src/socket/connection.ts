import type { Socket } from "node:net";
import { type About, CLOSE_CODES, type CloseReason, type ControlFrame, errorFrame } from "@madang/protocol";
import pLimit, { type LimitFunction } from "p-limit";
import type { WebSocket } from "ws";
import { type ClosingConnection, CONNECTION } from "./closing.ts";
import type { MonitoredConnection } from "./heartbeat.ts";
import { Liveness } from "./liveness.ts";
import { textFrame } from "./websocket-frame.ts";
import type { WriteScheduler } from "./write-scheduler.ts";

/** F8: with more than this unsent, live events wait in the log, and the client's own frames in its network. */
const BACKLOG_HIGH_BYTES = 1024 * 1024;
const BACKLOG_LOW_BYTES = 256 * 1024;
/** Each brings up to 1 MiB, whether the client reads it or not: one connection runs this many in all its rooms together. */
const REPLAYS_AT_ONCE = 2;
/** How long a close handshake may take before the socket is destroyed. */
const CLOSE_LIMIT_MS = 2000;
/** What a client may send before it can know that it is being closed, with an overhead for each frame. */
const LATE_MAX_BYTES = 256 * 1024;
const FRAME_OVERHEAD_BYTES = 64;

/** Receives what a connection reads. */
export interface FrameHandler {
  /** A data frame, while the connection accepts frames. It must not throw. */
  onFrame(data: Buffer, isBinary: boolean): void;
  /** A ping or pong: reading one costs as much as any other frame. */
  onControlFrame(): void;
  /** As {@link ClosingConnection.answerAll}, without the flush. */
  answerAll(limitMs: number): Promise<void> | undefined;
  /** The socket is closed. Called once. */
  onClose(): void;
}

/** Decides when the bytes of each socket are read. */
export interface ReadScheduler {
  regulate(socket: Socket, reader: { readonly isPaused: boolean }): void;
  /** Discards everything that the socket sends from now on. */
  ignore(socket: Socket): void;
}

export interface ConnectionOptions {
  readonly id: string;
  /** The client's IP address. */
  readonly address: string;
  readonly writes: WriteScheduler;
  readonly reads: ReadScheduler;
}

type Tied = { [CONNECTION]: Connection };

/**
 * One WebSocket: bytes in and out, backpressure, close. Server frames bypass the WebSocket library and go straight to the
 * TCP socket, as bytes that are built once for all members; the library keeps parsing, pongs and the close handshake.
 * That is sound only without compression: then the library, too, writes whole frames at once.
 */
export class Connection implements ClosingConnection, MonitoredConnection {
  static readonly #listeners = {
    message(this: unknown, data: unknown, isBinary: boolean): void {
      (this as Tied)[CONNECTION].#onFrame(data as Buffer, isBinary);
    },
    pong(this: unknown, data: Buffer): void {
      (this as Tied)[CONNECTION].#onPong(data);
    },
    ping(this: unknown, data: Buffer): void {
      (this as Tied)[CONNECTION].#onControlFrame(data);
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
  readonly address: string;
  readonly #writes: WriteScheduler;
  readonly #reads: ReadScheduler;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #liveness: Liveness;
  readonly #drainWaiters: (() => void)[] = [];
  #handler!: FrameHandler;
  /** Frames of this turn that are not written yet. */
  #outbox: Buffer[] = [];
  #replays: LimitFunction | undefined;
  #readingIsHeld = false;
  #readingIsPaused = false;
  #leaving = false;
  #closed = false;
  #lateBytes = 0;

  /** It reads nothing before {@link start}. */
  constructor(ws: WebSocket, socket: Socket, { id, address, writes, reads }: ConnectionOptions) {
    this.id = id;
    this.address = address;
    this.#writes = writes;
    this.#reads = reads;
    this.#ws = ws;
    this.#socket = socket;
    this.#liveness = new Liveness(socket);
  }

  start(handler: FrameHandler): void {
    this.#handler = handler;
    const ws = this.#ws;
    const socket = this.#socket;
    socket.setNoDelay(true);
    Object.assign(ws, { [CONNECTION]: this });
    Object.assign(socket, { [CONNECTION]: this });
    ws.on("message", Connection.#listeners.message);
    ws.on("pong", Connection.#listeners.pong);
    ws.on("ping", Connection.#listeners.ping);
    ws.on("close", Connection.#listeners.close);
    ws.on("error", Connection.#listeners.error);
    socket.on("drain", Connection.#listeners.drain);
    this.#reads.regulate(socket, ws);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Bytes that the client has not taken yet. */
  get backlog(): number {
    return this.#socket.writableLength;
  }

  /** Sends a frame after everything written before, at the end of this turn at the latest. */
  send(frame: ControlFrame): void {
    if (this.#isOver) return;
    if (this.#outbox.length === 0) this.#writes.flushConnectionLater(this);
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

  flush(): void {
    if (this.#outbox.length === 0) return;
    const bytes = this.#outbox.length === 1 ? this.#outbox[0]! : Buffer.concat(this.#outbox);
    this.#outbox = [];
    if (!this.#isOver) this.#socket.write(bytes);
    this.#regulateReading();
  }

  /** Resolves when the socket can take more. */
  async drained(): Promise<void> {
    while (!this.#closed && this.backlog > BACKLOG_LOW_BYTES) {
      await new Promise<void>((resolve) => this.#drainWaiters.push(resolve));
    }
  }

  /** F8: runs `work`, which reads a room's past and writes it here, in its turn and once the socket can take more. */
  replay<T>(work: () => Promise<T>): Promise<T> {
    this.#replays ??= pLimit(REPLAYS_AT_ONCE);
    return this.#replays(() => this.drained().then(work));
  }

  /** While it is held, the connection reads no further frames. */
  holdReading(isHeld: boolean): void {
    this.#readingIsHeld = isHeld;
    this.#regulateReading();
  }

  /** F6. */
  ping(now: number): void {
    if (!this.#closed && !this.#leaving) this.#liveness.ping(now);
  }

  get alive(): boolean {
    return this.#liveness.alive;
  }

  /** F6: whether nothing was received for `limitMs` after a ping, although the server was reading. */
  isSilent(now: number, limitMs: number): boolean {
    return !this.#readingIsPaused && this.#liveness.isSilent(now, limitMs);
  }

  /** Milliseconds for which no unsent byte has left (F8). */
  stuckFor(now: number): number {
    return this.#liveness.stuckFor(now);
  }

  /** Reads no further frames: the client sends them again elsewhere. @returns false when it does so already */
  stopReading(): boolean {
    if (this.#closed || this.#leaving) return false;
    this.#leaving = true;
    this.#ws.pause();
    return true;
  }

  /** Closes with a code from the table; destroys the socket when the client does not answer the close. */
  close(reason: CloseReason): void {
    if (this.#closed) return;
    this.flush();
    this.#leaving = true;
    const { code, reason: text } = CLOSE_CODES[reason];
    this.#ws.close(code, text);
    // The close handshake needs the client's answer to be read.
    this.#ws.resume();
    this.#destroyLater();
  }

  /** As {@link close}, without reading another byte. */
  expel(reason: CloseReason): void {
    this.close(reason);
    this.#ws.pause();
  }

  answerAll(limitMs: number): Promise<void> | undefined {
    const answers = this.#handler.answerAll(limitMs);
    if (!answers) return undefined;
    this.#leaving = true;
    return answers.then(() => this.flush());
  }

  /** After a Close frame of either side nothing may follow (RFC 6455, 5.5.1). */
  get #isOver(): boolean {
    return this.#closed || this.#ws.readyState !== this.#ws.OPEN;
  }

  #onFrame(data: Buffer, isBinary: boolean): void {
    if (this.#leaving || this.#closed) this.#onLate(data);
    else this.#handler.onFrame(data, isBinary);
  }

  #onPong(data: Buffer): void {
    this.#liveness.pong();
    this.#onControlFrame(data);
  }

  #onControlFrame(data: Buffer): void {
    if (this.#leaving || this.#closed) this.#onLate(data);
    else this.#handler.onControlFrame();
  }

  /** Frames may still arrive after our Close frame. Terminate a peer that keeps sending. */
  #onLate(data: Buffer): void {
    this.#lateBytes += data.length + FRAME_OVERHEAD_BYTES;
    if (this.#lateBytes > LATE_MAX_BYTES) this.#ws.terminate();
  }

  /** The bytes are no WebSocket: the library closes with 1002, 1007, 1008 or 1009 and can read nothing more. */
  #onError(): void {
    this.#leaving = true;
    this.#reads.ignore(this.#socket);
    this.#destroyLater();
  }

  #destroyLater(): void {
    setTimeout(() => this.#ws.terminate(), CLOSE_LIMIT_MS).unref();
  }

  #regulateReading(): void {
    const isFull = this.backlog > (this.#readingIsPaused ? BACKLOG_LOW_BYTES : BACKLOG_HIGH_BYTES);
    const pause = isFull || this.#readingIsHeld;
    if (this.#leaving || pause === this.#readingIsPaused) return;
    this.#readingIsPaused = pause;
    // Silence while the server does not read means nothing.
    this.#liveness.excuse();
    if (pause) this.#ws.pause();
    else this.#ws.resume();
  }

  #onDrain(): void {
    this.#regulateReading();
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
  }

  #onClose(): void {
    this.#closed = true;
    this.#outbox = [];
    this.#onDrain();
    this.#handler.onClose();
  }
}
