import type { Socket } from "node:net";

const TICK_MS = 10;
/** A tick this late says that newcomers have the process busy. */
const LATE_MS = 4;
/**
 * When a neighbour dies, its clients come all at once. To let one in (handshake, hello, joins, catch-up) takes about half
 * a millisecond. While somebody is being served, 400 a second come in: a fifth of the process, in portions that no
 * message waits behind for long. Where nobody speaks there is nothing to protect: then the pace rises with every tick
 * that the process keeps up with, and halves with one that it does not.
 */
const SERVING_PER_TICK = 4;
const SILENT_MAX_PER_TICK = 64;
/** What came to the rooms within this time says that somebody is being served. */
const SILENCE_MS = 1000;
/** So many at once need not wait. */
const BURST = 64;

/** The pace at which new sockets are let in, in the order of their coming. Those that left while they waited cost nothing. */
export class Admission {
  readonly #served: () => number;
  #free = BURST;
  #perTick = SERVING_PER_TICK;
  #dueAt = 0;
  #servedBefore = -1;
  #servedAt = 0;
  #waiting: { readonly socket: Pick<Socket, "destroyed">; readonly enter: () => void }[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param served a number that rises with each event for those who are in */
  constructor(served: () => number) {
    this.#served = served;
  }

  /** Resolves when it is the socket's turn; never, when it is gone by then. */
  async turn(socket: Pick<Socket, "destroyed">): Promise<void> {
    if (!this.#timer) {
      this.#dueAt = performance.now() + TICK_MS;
      this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    }
    if (this.#free > 0 && this.#waiting.length === 0) this.#free--;
    else await new Promise<void>((enter) => this.#waiting.push({ socket, enter }));
  }

  #tick(): void {
    this.#setPace(performance.now());
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
  }

  #setPace(now: number): void {
    const isLate = now - this.#dueAt > LATE_MS;
    this.#dueAt = now + TICK_MS;
    const served = this.#served();
    if (served !== this.#servedBefore) this.#servedAt = now;
    this.#servedBefore = served;
    if (now - this.#servedAt < SILENCE_MS) this.#perTick = SERVING_PER_TICK;
    else if (isLate) this.#perTick = Math.max(SERVING_PER_TICK, this.#perTick >> 1);
    else this.#perTick = Math.min(SILENT_MAX_PER_TICK, this.#perTick + SERVING_PER_TICK);
  }
}
