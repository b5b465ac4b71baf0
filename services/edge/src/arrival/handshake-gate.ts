import type { Socket } from "node:net";
import { FairQueue } from "../queues/fair-queue.ts";

/** A crowd up to this size is admitted at once. */
const BURST = 500;
/**
 * Admitting a client (handshake, hello, joins, catch-up) takes about 0.5 ms, and up to three times as much while the code
 * is cold. When another edge dies, its clients come all at once: at this rate they leave time for the members' messages.
 */
const RATE_PER_S = 500;
const TICK_MS = 10;
const PER_TICK = (RATE_PER_S * TICK_MS) / 1000;

type Newcomer = Pick<Socket, "destroyed" | "remoteAddress">;

interface Waiter {
  readonly socket: Newcomer;
  readonly admit: () => void;
}

/** Admits handshakes at a fixed rate. Addresses take turns; handshakes of one address keep their order. */
export class HandshakeGate {
  readonly #waiting = new FairQueue<string | undefined, Waiter>();
  #free = BURST;
  #timer: NodeJS.Timeout | undefined;

  /** Resolves when it is the socket's turn; never, if the socket is gone by then. */
  async enter(socket: Newcomer): Promise<void> {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
    if (this.#free >= 1 && this.#waiting.size === 0) this.#free--;
    else await new Promise<void>((admit) => this.#waiting.add(socket.remoteAddress, { socket, admit }));
  }

  #tick(): void {
    this.#free = Math.min(BURST, this.#free + PER_TICK);
    while (this.#free >= 1) {
      const waiter = this.#waiting.take();
      if (!waiter) break;
      if (waiter.socket.destroyed) continue;
      this.#free--;
      waiter.admit();
    }
    if (this.#free < BURST) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
