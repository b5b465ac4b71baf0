import type { Socket } from "node:net";
import { PING_FRAME } from "./websocket-frame.ts";

/** A ping comes to a client behind what was sent before it. Whoever reads at this rate has the time to get there. */
const READING_BYTES_PER_S = 16 * 1024;

/** Whether the other side of a socket is there (F6), and takes what is sent to it (F8). */
export class Pulse {
  readonly #socket: Socket;
  #excused = true;
  /** When it was last asked, and how many bytes were sent to it until then. */
  #askedAt = 0;
  #askedBytes = 0;
  /** How many bytes had come from it by then. */
  #heardBytes = 0;
  #awaitsPong = false;
  /** So many bytes it has read for certain: those before a ping that it answered. */
  #readBytes = 0;
  /** How many bytes are known to have left, and since when no more have. */
  #sentBytes = 0;
  #stuckSince = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Anything came in since it was asked for a sign of life: a part of a frame will do, since who has a long way up cannot
   * put a pong in the middle of what it sends.
   */
  get alive(): boolean {
    return this.#excused || this.#socket.bytesRead !== this.#heardBytes;
  }

  /** It was not read: of what it says meanwhile nothing is known. */
  excuse(): void {
    this.#excused = true;
  }

  /** Asks for a sign of life. One ping at a time is on its way, so a pong says how far the client has read. */
  ask(now: number): void {
    if (this.#awaitsPong && !this.alive) return;
    this.#excused = false;
    this.#heardBytes = this.#socket.bytesRead;
    this.#askedAt = now;
    if (this.#awaitsPong) return;
    this.#awaitsPong = true;
    this.#askedBytes = this.#socket.bytesWritten;
    this.#socket.write(PING_FRAME);
  }

  /** A pong has come. */
  answered(): void {
    if (this.#awaitsPong) this.#readBytes = this.#askedBytes;
    this.#awaitsPong = false;
  }

  /**
   * Whether nothing came for `limitMs` after it was asked, and for as long as it may take to read what was before the
   * question. Of one that has not taken everything yet, {@link stuckFor} tells.
   */
  isSilent(now: number, limitMs: number): boolean {
    if (this.alive || this.#socket.writableLength > 0) return false;
    const unreadBytes = this.#askedBytes - this.#readBytes;
    return now - this.#askedAt >= limitMs + (unreadBytes / READING_BYTES_PER_S) * 1000;
  }

  /** Milliseconds for which nothing of what is unsent has left. To be asked now and then. */
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
