import type { Socket } from "node:net";

const TICK_MS = 10;
/**
 * When a neighbour dies, its clients come all at once. To let one in (handshake, hello, joins, catch-up) takes about half
 * a millisecond: at 400 a second newcomers take a fifth of the process, and a publish of those who are in waits for none
 * of them. A tick that is late is not made up for, so that an edge under strain lets in fewer.
 */
const PER_TICK = 4;
/** So many at once need not wait. */
const BURST = 64;

/** The pace at which new sockets are let in, in the order of their coming. Those that left while they waited cost nothing. */
export class Admission {
  #free = BURST;
  #waiting: { readonly socket: Socket; readonly enter: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Resolves when it is the socket's turn; never, when it is gone by then. */
  async turn(socket: Socket): Promise<void> {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
    if (this.#free > 0 && this.#waiting.length === 0) this.#free--;
    else await new Promise<void>((enter) => this.#waiting.push({ socket, enter }));
  }

  #tick(): void {
    this.#free = Math.min(BURST, this.#free + PER_TICK);
    let next = 0;
    for (; this.#free > 0 && next < this.#waiting.length; next++) {
      const { socket, enter } = this.#waiting[next]!;
      if (socket.destroyed) continue;
      this.#free--;
      enter();
    }
    this.#waiting.splice(0, next);
    if (this.#free < BURST) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
