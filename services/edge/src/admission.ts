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
/** But whoever has to wait too long gives up and comes again: a line of any length is let in within some 8 s. */
const LINE_MAX_TICKS = 800;
const SILENT_MAX_PER_TICK = 64;
/** What came to the rooms within this time says that somebody is being served. */
const SILENCE_MS = 1000;
/** So many at once need not wait. */
const BURST = 64;

type Newcomer = Pick<Socket, "destroyed" | "remoteAddress">;

interface Waiter {
  readonly socket: Newcomer;
  readonly enter: () => void;
}

/**
 * The pace at which new sockets are let in: one of each address in turn, those of one address in the order of their
 * coming. Those that left while they waited cost nothing.
 */
export class Admission {
  readonly #served: () => number;
  #free = BURST;
  #perTick = SERVING_PER_TICK;
  #dueAt = 0;
  #servedBefore = -1;
  #servedAt = 0;
  /** By address; whose turn is next comes first. */
  readonly #lines = new Map<string | undefined, Waiter[]>();
  #waiting = 0;
  /** The most that have been waiting since nobody was. */
  #longest = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param served a number that rises with each event for those who are in */
  constructor(served: () => number) {
    this.#served = served;
  }

  /** Resolves when it is the socket's turn; never, when it is gone by then. */
  async turn(socket: Newcomer): Promise<void> {
    if (!this.#timer) {
      this.#dueAt = performance.now() + TICK_MS;
      this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    }
    if (this.#free > 0 && this.#waiting === 0) this.#free--;
    else await new Promise<void>((enter) => this.#queue({ socket, enter }));
  }

  #queue(waiter: Waiter): void {
    const address = waiter.socket.remoteAddress;
    const line = this.#lines.get(address);
    if (line) line.push(waiter);
    else this.#lines.set(address, [waiter]);
    this.#longest = Math.max(this.#longest, ++this.#waiting);
  }

  #tick(): void {
    this.#setPace(performance.now());
    this.#free = Math.min(BURST, this.#free + this.#perTick);
    for (const [address, line] of this.#lines) {
      if (this.#free === 0) break;
      const { socket, enter } = line.shift()!;
      this.#waiting--;
      // To the end of the round, which this loop comes to as well.
      this.#lines.delete(address);
      if (line.length > 0) this.#lines.set(address, line);
      if (socket.destroyed) continue;
      this.#free--;
      enter();
    }
    if (this.#waiting === 0) this.#longest = 0;
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
    const least = Math.max(SERVING_PER_TICK, Math.ceil(this.#longest / LINE_MAX_TICKS));
    if (now - this.#servedAt < SILENCE_MS) this.#perTick = least;
    else if (isLate) this.#perTick = Math.max(least, this.#perTick >> 1);
    else this.#perTick = Math.max(least, Math.min(SILENT_MAX_PER_TICK, this.#perTick + SERVING_PER_TICK));
  }
}
