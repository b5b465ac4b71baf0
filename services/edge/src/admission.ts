import type { Socket } from "node:net";

const TICK_MS = 10;
/** A tick this late says that newcomers, or those who are in, have the process busy. */
const LATE_MS = 4;
/**
 * When a neighbour dies, its clients come all at once. To let one in (handshake, hello, joins, catch-up) takes about half
 * a millisecond: at the slowest pace, 400 a second, newcomers take a fifth of the process, and a publish of those who
 * are in waits for none of them. An edge that keeps up lets in more with every tick; one that is late, half as many.
 */
const MIN_PER_TICK = 4;
const MAX_PER_TICK = 64;
/** So many at once need not wait. */
const BURST = 64;

/** The pace at which new sockets are let in, in the order of their coming. Those that left while they waited cost nothing. */
export class Admission {
  #free = BURST;
  #perTick = MIN_PER_TICK;
  #dueAt = 0;
  #waiting: { readonly socket: Socket; readonly enter: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Resolves when it is the socket's turn; never, when it is gone by then. */
  async turn(socket: Socket): Promise<void> {
    if (!this.#timer) {
      this.#dueAt = performance.now() + TICK_MS;
      this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    }
    if (this.#free > 0 && this.#waiting.length === 0) this.#free--;
    else await new Promise<void>((enter) => this.#waiting.push({ socket, enter }));
  }

  #tick(): void {
    const now = performance.now();
    const isLate = now - this.#dueAt > LATE_MS;
    this.#dueAt = now + TICK_MS;
    this.#perTick = isLate
      ? Math.max(MIN_PER_TICK, this.#perTick >> 1)
      : Math.min(MAX_PER_TICK, this.#perTick + MIN_PER_TICK);
    this.#free = Math.min(BURST, this.#free + this.#perTick);
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
    this.#perTick = MIN_PER_TICK;
  }
}
