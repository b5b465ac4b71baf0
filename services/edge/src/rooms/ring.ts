import type { FeedEvent } from "./feed-event.ts";

const MAX_EVENTS_PER_ROOM = 512;

/** Compact the eviction queue once it holds this many stale entries. */
const MANY_STALE_ENTRIES = 4096;

/**
 * The byte limit of all rooms' rings together. The oldest event of all rooms is evicted first. An event may already be
 * gone from its own ring (its room's limit, or a reset): then its queue entry is stale and has no effect. The budget
 * removes stale entries before they are most of the queue.
 */
export class RingBudget {
  readonly #maxBytes: number;
  #bytes = 0;
  /** One entry for each event, in the order of the pushes; a queue with a moving start. */
  #queue: Ring[] = [];
  #start = 0;
  #staleEntries = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  added(ring: Ring, bytes: number): void {
    this.#bytes += bytes;
    this.#queue.push(ring);
    while (this.#bytes > this.#maxBytes && this.#start < this.#queue.length) {
      const oldest = this.#queue[this.#start++]!;
      if (oldest.dropStaleEntry()) this.#staleEntries--;
      else oldest.evict();
    }
    if (this.#start > 4096 && this.#start * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#start);
      this.#start = 0;
    }
  }

  removed(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** An event left its ring before its eviction. */
  becameStale(): void {
    this.#staleEntries++;
    if (this.#staleEntries <= MANY_STALE_ENTRIES || this.#staleEntries * 2 <= this.entries) return;
    this.#queue = this.#queue.slice(this.#start).filter((ring) => !ring.dropStaleEntry());
    this.#start = 0;
    this.#staleEntries = 0;
  }

  /** The length of the queue: below twice the number of events held, plus {@link MANY_STALE_ENTRIES}. */
  get entries(): number {
    return this.#queue.length - this.#start;
  }

  /** Whether this many more bytes fit without an eviction. */
  hasRoomFor(bytes: number): boolean {
    return this.#bytes + bytes <= this.#maxBytes;
  }
}

/** The last events of one room, without gaps: a member that has seen {@link base} or more can go on from here. */
export class Ring {
  readonly #budget: RingBudget;
  #events: FeedEvent[] = [];
  /** The sequence before the oldest event held. */
  #base: number;
  /** Events that left for another reason than the budget: their queue entries are stale. */
  #staleEntries = 0;

  constructor(budget: RingBudget, base: number) {
    this.#budget = budget;
    this.#base = base;
  }

  get base(): number {
    return this.#base;
  }

  /** Adds the room's next event. A delete removes its target from the ring. */
  push(event: FeedEvent): void {
    if (event.isDelete) this.#forget(event.target);
    this.#events.push(event);
    this.#budget.added(this, event.frame.length);
    if (this.#events.length > MAX_EVENTS_PER_ROOM) {
      this.evict();
      this.#entryIsStale();
    }
  }

  /** Events after `seq`, at least one and at most about `maxBytes`, if there are any. `seq` must be at least {@link base}. */
  after(seq: number, maxBytes: number): FeedEvent[] {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.seq <= seq) low = middle + 1;
      else high = middle;
    }
    let end = low;
    for (let bytes = 0; end < this.#events.length && (end === low || bytes < maxBytes); end++) {
      bytes += this.#events[end]!.frame.length;
    }
    return this.#events.slice(low, end);
  }

  /**
   * Adds older events: `events` are all that the log holds after `base`. If they reach the ring's first event and fit, the
   * ring begins after `base` from now on: clients that come together from another edge have mostly missed the same.
   */
  extend(base: number, events: readonly FeedEvent[]): void {
    if (base >= this.#base || events.length === 0 || events.at(-1)!.seq < this.#base) return;
    const missing = events.filter(({ seq }) => seq <= this.#base);
    const gone = new Set([...missing, ...this.#events].filter(({ isDelete }) => isDelete).map(({ target }) => target));
    const older = missing.filter(({ seq, target, isDelete }) => isDelete || !(gone.has(seq) || gone.has(target)));
    const bytes = older.reduce((sum, { frame }) => sum + frame.length, 0);
    if (older.length + this.#events.length > MAX_EVENTS_PER_ROOM || !this.#budget.hasRoomFor(bytes)) return;
    this.#base = base;
    this.#events = [...older, ...this.#events];
    for (const { frame } of older) this.#budget.added(this, frame.length);
  }

  /** Removes a message and the events that change it. */
  #forget(seq: number | undefined): void {
    const kept = this.#events.filter((event) => event.seq !== seq && event.target !== seq);
    if (kept.length === this.#events.length) return;
    for (const event of this.#events) {
      if (event.seq !== seq && event.target !== seq) continue;
      this.#budget.removed(event.frame.length);
      this.#entryIsStale();
    }
    this.#events = kept;
  }

  /** For the budget: whether its next queue entry for this ring is stale; then it counts as dropped. */
  dropStaleEntry(): boolean {
    if (this.#staleEntries === 0) return false;
    this.#staleEntries--;
    return true;
  }

  /** Empties the ring; it then begins after `base`. */
  reset(base: number): void {
    while (this.#events.length > 0) {
      this.evict();
      this.#entryIsStale();
    }
    this.#base = base;
  }

  /** Drops the oldest event. */
  evict(): void {
    const event = this.#events.shift();
    if (!event) return;
    this.#base = event.seq;
    this.#budget.removed(event.frame.length);
  }

  #entryIsStale(): void {
    this.#staleEntries++;
    this.#budget.becameStale();
  }
}
