import type { LogConsumer } from "@madang/broker";
import { ProtocolError } from "@madang/protocol";
import { comparePositions, type Position } from "../store/position.ts";
import type { Store } from "../store/store.ts";

/** The consumer is asked at most this often. An older floor is correct too, only lower. */
const FRESH_MS = 50;
/** How long to wait before asking an unreachable log again. */
const RETRY_MS = 1000;
const SAVE_INTERVAL_MS = 1000;

/**
 * The floor: the position up to which the instances together have stored every event. History ends there, and a member
 * that joins from there misses no event. It never decreases within an epoch. While the log is unreachable, the floor is
 * the last known one, which is also saved in the store for a restart during such a time.
 */
export class Floor {
  readonly #consumer: Pick<LogConsumer, "ackFloor">;
  readonly #store: Pick<Store, "loadFloor" | "saveFloor">;
  #known: Position | undefined;
  #saved: Position | undefined;
  #freshUntil = 0;
  /** After a failure, the log is not asked before this time. */
  #retryAt = 0;
  #asking: Promise<Position> | undefined;
  readonly #saver: NodeJS.Timeout;

  constructor(consumer: Pick<LogConsumer, "ackFloor">, store: Pick<Store, "loadFloor" | "saveFloor">) {
    this.#consumer = consumer;
    this.#store = store;
    // The next save makes up for a failed one.
    this.#saver = setInterval(() => void this.#save().catch(() => {}), SAVE_INTERVAL_MS);
  }

  /** The last known floor. */
  get known(): Position | undefined {
    return this.#known;
  }

  /**
   * The highest position that the log is known to have reached; `undefined` when none is known.
   * @throws when the store is unreachable
   */
  async reached(): Promise<Position | undefined> {
    const saved = await this.#store.loadFloor();
    return saved && (!this.#known || comparePositions(saved, this.#known) > 0) ? saved : this.#known;
  }

  /**
   * The floor for one read of the store. Call it before the read, never after: the read then sees every event up to it.
   * @param seen a position that the client has seen. Another instance may know a higher floor, and a page that follows
   *   one of its pages must not end below it.
   * @throws ProtocolError `history_unavailable`
   */
  async now(seen?: Position): Promise<Position> {
    if (this.#known && performance.now() < this.#freshUntil && !this.#isBehind(seen)) return this.#known;
    const pending = this.#asking;
    const floor = await (pending ?? this.#askOnce());
    // The log may have answered the pending request before the client saw that position.
    return pending && this.#isBehind(seen) ? this.#askOnce() : floor;
  }

  /** Drops the known floor after the store was restored: it was another store's. */
  async forget(): Promise<void> {
    // A pending answer is about the old consumer.
    await this.#asking?.catch(() => {});
    this.#known = undefined;
  }

  close(): void {
    clearInterval(this.#saver);
  }

  #isBehind(seen: Position | undefined): boolean {
    return seen !== undefined && (!this.#known || comparePositions(this.#known, seen) < 0);
  }

  #askOnce(): Promise<Position> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #ask(): Promise<Position> {
    this.#known ??= await this.#store.loadFloor();
    const answer =
      performance.now() < this.#retryAt ? undefined : await this.#consumer.ackFloor().catch(() => undefined);
    if (answer) {
      const hasMoved = answer.epoch !== this.#known?.epoch || answer.seq > this.#known.seq;
      if (hasMoved) this.#known = answer;
      this.#freshUntil = performance.now() + FRESH_MS;
    } else {
      const saved = await this.#store.loadFloor();
      if (saved && (!this.#known || comparePositions(saved, this.#known) > 0)) this.#known = saved;
      if (performance.now() >= this.#retryAt) this.#retryAt = performance.now() + RETRY_MS;
      this.#freshUntil = this.#retryAt;
    }
    if (!this.#known) throw new ProtocolError("history_unavailable", { retryAfter: 1 });
    return this.#known;
  }

  async #save(): Promise<void> {
    const known = await this.now();
    if (known === this.#saved) return;
    await this.#store.saveFloor(known);
    this.#saved = known;
  }
}
