import type { LogConsumer } from "@madang/broker";
import { ProtocolError } from "@madang/protocol";
import { comparePositions, type Position } from "../store/position.ts";
import type { Store } from "../store/store.ts";

/** An answer may be this old: an older floor is as true, only lower. */
const FRESH_MS = 50;
/** How long an unreachable log is not asked again. */
const RETRY_MS = 1000;
const SAVE_INTERVAL_MS = 1000;

/**
 * The position up to which the whole log is in the store, by whichever instance: history ends there, and a member who joins
 * from there misses nothing. Never goes back within an epoch. When the log cannot be asked it is the last one known,
 * which is kept in the store for the sake of a restart in such a time.
 */
export class Floor {
  readonly #consumer: Pick<LogConsumer, "ackFloor">;
  readonly #store: Pick<Store, "loadFloor" | "saveFloor">;
  #known: Position | undefined;
  #saved: Position | undefined;
  #freshUntil = 0;
  /** The log did not answer, and is left alone for so long. */
  #silentUntil = 0;
  #asking: Promise<Position> | undefined;
  readonly #saver: NodeJS.Timeout;

  constructor(consumer: Pick<LogConsumer, "ackFloor">, store: Pick<Store, "loadFloor" | "saveFloor">) {
    this.#consumer = consumer;
    this.#store = store;
    // A save that fails is made up for by the next.
    this.#saver = setInterval(() => void this.#save().catch(() => {}), SAVE_INTERVAL_MS);
  }

  /** The floor as it was last heard of. */
  get known(): Position | undefined {
    return this.#known;
  }

  /**
   * A position that the log had reached, as this instance or the store remembers; `undefined`: none is known of.
   * @throws when the store cannot be read now
   */
  async reached(): Promise<Position | undefined> {
    const saved = await this.#store.loadFloor();
    return saved && (!this.#known || comparePositions(saved, this.#known) > 0) ? saved : this.#known;
  }

  /**
   * To be asked before the store is read, never after.
   * @param seen a position that the caller was shown: another instance may know of a higher floor, and a page that follows
   *   on one of its pages must not end below that
   * @throws ProtocolError `history_unavailable`
   */
  async now(seen?: Position): Promise<Position> {
    if (this.#known && performance.now() < this.#freshUntil && !this.#isBehind(seen)) return this.#known;
    const underWay = this.#asking;
    const floor = await (underWay ?? this.#askOnce());
    // What was under way may have been answered before the caller was shown that position.
    return underWay && this.#isBehind(seen) ? this.#askOnce() : floor;
  }

  /** What is known is another store's: from here on it is what is in this one. */
  async forget(): Promise<void> {
    // It asks what the old consumer had reached.
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
      performance.now() < this.#silentUntil ? undefined : await this.#consumer.ackFloor().catch(() => undefined);
    if (answer) {
      const isNews = answer.epoch !== this.#known?.epoch || answer.seq > this.#known.seq;
      if (isNews) this.#known = answer;
      this.#freshUntil = performance.now() + FRESH_MS;
    } else {
      const saved = await this.#store.loadFloor();
      if (saved && (!this.#known || comparePositions(saved, this.#known) > 0)) this.#known = saved;
      if (performance.now() >= this.#silentUntil) this.#silentUntil = performance.now() + RETRY_MS;
      this.#freshUntil = this.#silentUntil;
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
