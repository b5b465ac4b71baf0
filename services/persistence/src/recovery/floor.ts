import { setTimeout as delay } from "node:timers/promises";
import { ProtocolError } from "@madang/protocol";
import { comparePositions, type Position } from "../store/position.ts";
import type { Store } from "../store/store.ts";

/** The consumer is asked at most this often. An older floor is correct too, only lower. */
const FRESH_MS = 50;
/** How long to wait before asking an unreachable log again. */
const RETRY_MS = 500;
/** Readers do not wait longer for the log. Until it answers again, the known floor counts. */
const ASK_LIMIT_MS = 500;
/** Usually the floor is at the log's end within 0.2 s. */
const BEHIND_MS = 1000;
const SAVE_INTERVAL_MS = 1000;

/** The part of the log's consumer that the floor needs. Without `head` the floor counts as the log's end. */
interface Consumer {
  ackFloor(): Promise<Position & { readonly head?: number }>;
}

/**
 * The floor: the position up to which the instances together have stored every event. History ends there, and a member
 * that joins from there misses no event. It never decreases within an epoch. While the log is unreachable, the floor is
 * the last known one, which is also saved in the store for a restart during such a time.
 */
export class Floor {
  readonly #consumer: Consumer;
  readonly #store: Pick<Store, "loadFloor" | "saveFloor">;
  #known: Position | undefined;
  #saved: Position | undefined;
  /** Where the log ended at that time. A new goal is set once the floor has reached it. */
  #goal: (Position & { readonly at: number }) | undefined;
  #isLogAway = false;
  #freshUntil = 0;
  /** After a failure, the log is not asked before this time. */
  #retryAt = 0;
  #asking: Promise<Position> | undefined;
  readonly #saver: NodeJS.Timeout;

  constructor(consumer: Consumer, store: Pick<Store, "loadFloor" | "saveFloor">) {
    this.#consumer = consumer;
    this.#store = store;
    // The next save makes up for a failed one.
    this.#saver = setInterval(() => void this.#save().catch(() => {}), SAVE_INTERVAL_MS);
  }

  /** The last known floor. */
  get known(): Position | undefined {
    return this.#known;
  }

  /** Whether history lacks events for more than a second, or the log cannot say whether it does. */
  get isBehind(): boolean {
    if (this.#isLogAway || !this.#goal || !this.#known) return true;
    return comparePositions(this.#known, this.#goal) < 0 && performance.now() - this.#goal.at > BEHIND_MS;
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
    const answer = performance.now() < this.#retryAt ? undefined : await this.#answer();
    this.#isLogAway = answer === undefined;
    if (answer) {
      const { epoch, seq, head = seq } = answer;
      const hasMoved = epoch !== this.#known?.epoch || seq > this.#known.seq;
      if (hasMoved) this.#known = { epoch, seq };
      const isReached = !this.#goal || epoch !== this.#goal.epoch || seq >= this.#goal.seq;
      if (isReached) this.#goal = { epoch, seq: head, at: performance.now() };
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

  /** @returns `undefined` when the log does not answer in time */
  async #answer(): Promise<Awaited<ReturnType<Consumer["ackFloor"]>> | undefined> {
    const done = new AbortController();
    const limit = delay(ASK_LIMIT_MS, undefined, { ref: false, signal: done.signal }).catch(() => undefined);
    const answer = this.#consumer.ackFloor().catch(() => undefined);
    return Promise.race([answer, limit]).finally(() => done.abort());
  }

  async #save(): Promise<void> {
    const known = await this.now();
    if (known === this.#saved) return;
    await this.#store.saveFloor(known);
    this.#saved = known;
  }
}
