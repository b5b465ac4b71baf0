import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "./random.ts";

/** An acknowledged message and its position. */
export interface Acked {
  readonly room: string;
  readonly user: string;
  readonly nonce: string;
  readonly number: number;
  readonly epoch: string;
  readonly seq: number;
  /** Time of the acknowledgement, in ms of performance.now(). */
  readonly at: number;
}

/** Sends a message, with retries, until it is acknowledged. Rejects when it is refused for good. */
export type SendOne = (room: string, text: string, nonce: string) => Promise<{ epoch: string; seq: number }>;

const MAX_PENDING = 150;
const WORDS = ["안녕", "마당", "bonjour", "tea", "émile", "🍵", "야", "well", "stone", "rain", "아침", "night"];

/** Numbers its messages in each room and records the acknowledgements. */
export class Sender {
  readonly user: string;
  readonly acked: Acked[] = [];
  /** Sends that were refused for good. There should be none. */
  readonly failed: string[] = [];
  pending = 0;
  readonly #rooms: readonly string[];
  readonly #send: SendOne;
  readonly #random: Random;
  readonly #numbers = new Map<string, number>();
  #stop = new AbortController();
  #talking: Promise<void> = Promise.resolve();

  constructor(user: string, rooms: readonly string[], random: Random, send: SendOne) {
    this.user = user;
    this.#rooms = rooms;
    this.#random = random;
    this.#send = send;
  }

  /** Sends into random rooms, with a mean of `everyMs` between two messages. */
  start(everyMs: number): void {
    this.#stop = new AbortController();
    this.#talking = this.#talk(everyMs, this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#talking;
  }

  /** Sends one message. Resolves when it is answered, also when it is refused. */
  say(room = this.#random.pick(this.#rooms), filler = ""): Promise<void> {
    const number = (this.#numbers.get(room) ?? 0) + 1;
    this.#numbers.set(room, number);
    const nonce = `${this.user}-${room}-${number}`;
    this.pending++;
    return this.#send(room, this.#text(number) + filler, nonce)
      .then(
        ({ epoch, seq }) => {
          this.acked.push({ room, user: this.user, nonce, number, epoch, seq, at: performance.now() });
        },
        (error: Error) => {
          this.failed.push(`${nonce}: ${error.message}`);
        },
      )
      .finally(() => {
        this.pending--;
      });
  }

  async #talk(everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.pending < MAX_PENDING) void this.say();
      await delay(this.#random.between(0, 2 * everyMs), undefined, { signal }).catch(() => {});
    }
  }

  #text(number: number): string {
    const words = Array.from({ length: 1 + Math.floor(this.#random.next() * 12) }, () => this.#random.pick(WORDS));
    return `#${number} ${words.join(" ")}`;
  }
}
