import type { Socket } from "node:net";
import { FairQueue } from "../queues/fair-queue.ts";

const TICK_MS = 10;
/** A tick this late says that newcomers have the process busy. */
const LATE_MS = 4;
/**
 * When a neighbour dies, its clients come all at once. To let one in (handshake, hello, joins, catch-up) takes about half
 * a millisecond, and three times as much while the code for it is cold. While somebody is being served, 100 to 400 a second
 * come in, in portions that no message waits behind for long: the pace rises by 100 a second each second that the process
 * keeps up with, and halves where it does not. Where nobody speaks there is nothing to protect: there it rises with every tick.
 */
const WHILE_SERVING = { least: 1, most: 4, rise: 0.01 };
const IN_SILENCE = { least: 4, most: 64, rise: 4 };
/** But whoever has to wait too long gives up and comes again: a line of any length is let in within some 16 s. */
const LINE_MAX_TICKS = 1600;
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
  #perTick = WHILE_SERVING.least;
  #dueAt = 0;
  #servedBefore = -1;
  #servedAt = 0;
  readonly #line = new FairQueue<string | undefined, Waiter>();
  /** Those who had their turn before they had said all of their request. */
  readonly #ahead = new WeakSet<Newcomer>();
  /** The most that have been waiting since nobody was. */
  #longest = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param served a number that rises with each event for those who are in */
  constructor(served: () => number) {
    this.#served = served;
  }

  /** As {@link turn}, for who is known to ask for it: the turn is taken now, and that one does not wait any more. */
  async turnAhead(socket: Newcomer): Promise<void> {
    await this.turn(socket);
    this.#ahead.add(socket);
  }

  /** Resolves when it is the socket's turn; never, when it is gone by then. */
  async turn(socket: Newcomer): Promise<void> {
    if (this.#ahead.delete(socket)) return;
    if (!this.#timer) {
      this.#dueAt = performance.now() + TICK_MS;
      this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
    }
    if (this.#free >= 1 && this.#line.size === 0) this.#free--;
    else await new Promise<void>((enter) => this.#queue({ socket, enter }));
  }

  #queue(waiter: Waiter): void {
    this.#line.add(waiter.socket.remoteAddress, waiter);
    this.#longest = Math.max(this.#longest, this.#line.size);
  }

  #tick(): void {
    this.#setPace(performance.now());
    this.#free = Math.min(BURST, this.#free + this.#perTick);
    while (this.#free >= 1) {
      const waiter = this.#line.take();
      if (!waiter) break;
      if (waiter.socket.destroyed) continue;
      this.#free--;
      waiter.enter();
    }
    if (this.#line.size === 0) this.#longest = 0;
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
    const { least, most, rise } = now - this.#servedAt < SILENCE_MS ? WHILE_SERVING : IN_SILENCE;
    const pace = isLate ? this.#perTick / 2 : Math.min(most, this.#perTick + rise);
    this.#perTick = Math.max(pace, least, this.#longest / LINE_MAX_TICKS);
  }
}
