import type { Socket } from "node:net";
import { PING_FRAME } from "./websocket-frame.ts";

/** A ping arrives behind everything sent before it. A client that reads at this rate has the time to get there. */
const READING_BYTES_PER_S = 16 * 1024;

/** Whether the peer of a socket is alive (F6) and reads what is sent to it (F8). */
export class Liveness {
  readonly #socket: Socket;
  #excused = true;
  /** When the last ping was sent, and how many bytes were sent until then. */
  #askedAt = 0;
  #askedBytes = 0;
  /** How many bytes had been received by then. */
  #receivedBytes = 0;
  #awaitsPong = false;
  /** Bytes that the peer has read for certain: those before a ping that it answered. */
  #readBytes = 0;
  /** How many bytes are known to have left, and since when no more have. */
  #sentBytes = 0;
  #stuckSince = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Anything was received since the last ping. Part of a frame is enough: a client with a slow uplink cannot put a pong
   * into the middle of a message.
   */
  get alive(): boolean {
    return this.#excused || this.#socket.bytesRead !== this.#receivedBytes;
  }

  /** The server did not read from the socket: silence meanwhile means nothing. */
  excuse(): void {
    this.#excused = true;
  }

  /** Sends a ping. Only one is under way at a time, so a pong tells how far the client has read. */
  ping(now: number): void {
    if (this.#awaitsPong && !this.alive) return;
    this.#excused = false;
    this.#receivedBytes = this.#socket.bytesRead;
    this.#askedAt = now;
    if (this.#awaitsPong) return;
    this.#awaitsPong = true;
    this.#askedBytes = this.#socket.bytesWritten;
    this.#socket.write(PING_FRAME);
  }

  pong(): void {
    if (this.#awaitsPong) this.#readBytes = this.#askedBytes;
    this.#awaitsPong = false;
  }

  /**
   * Whether nothing was received for `limitMs` after a ping, and for the time that it takes to read what was sent before
   * it. For a peer that has not taken everything yet, {@link stuckFor} tells.
   */
  isSilent(now: number, limitMs: number): boolean {
    if (this.alive || this.#socket.writableLength > 0) return false;
    const unreadBytes = this.#askedBytes - this.#readBytes;
    return now - this.#askedAt >= limitMs + (unreadBytes / READING_BYTES_PER_S) * 1000;
  }

  /** Milliseconds for which no unsent byte has left. It compares with the last call: call it periodically. */
  stuckFor(now: number): number {
    const unsent = this.#socket.writableLength;
    const sent = this.#socket.bytesWritten - unsent;
    if (unsent === 0 || sent !== this.#sentBytes) {
      this.#sentBytes = sent;
      this.#stuckSince = now;
    }
    return now - this.#stuckSince;
  }
}
