import type { FeedEvent } from "./feed-event.ts";

const MAX_EVENTS_PER_ROOM = 512;

/** So many turns of events that are gone already are worth a look through all of them. */
const MANY_VOID_TURNS = 4096;

/**
 * How many bytes the rings of all rooms may hold together. The oldest event of all rooms goes first. An event may
 * already be gone from its own ring (its room's limit, or a reset): then its turn passes without effect. Where the
 * budget is never used up no turn ever comes: void ones are taken out before they are most of the queue.
 */
export class RingBudget {
  readonly #maxBytes: number;
  #bytes = 0;
  /** Rings in the order of their pushes; a queue with a moving start. */
  #queue: Ring[] = [];
  #start = 0;
  #voidTurns = 0;

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
      if (oldest.passTurn()) this.#voidTurns--;
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

  /** An event is gone before its turn. */
  voided(): void {
    this.#voidTurns++;
    if (this.#voidTurns <= MANY_VOID_TURNS || this.#voidTurns * 2 <= this.turns) return;
    this.#queue = this.#queue.slice(this.#start).filter((ring) => !ring.passTurn());
    this.#start = 0;
    this.#voidTurns = 0;
  }

  /** How long the queue is: a number that stays below twice that of the events held, and some thousands. */
  get turns(): number {
    return this.#queue.length - this.#start;
  }

  /** Whether so many bytes more take nothing from anybody. */
  hasRoomFor(bytes: number): boolean {
    return this.#bytes + bytes <= this.#maxBytes;
  }
}

/** The last events of one room, without gaps: whoever has seen {@link base} or more can go on from here. */
export class Ring {
  readonly #budget: RingBudget;
  #events: FeedEvent[] = [];
  /** The sequence before the oldest event held. */
  #base: number;
  /** Events that went for another reason than the budget: their turns in its queue are still to come. */
  #voidTurns = 0;

  constructor(budget: RingBudget, base: number) {
    this.#budget = budget;
    this.#base = base;
  }

  get base(): number {
    return this.#base;
  }

  /** The room's next event. What it takes back is not given to anybody any more from here. */
  push(event: FeedEvent): void {
    if (event.takesBack) this.#forget(event.target);
    this.#events.push(event);
    this.#budget.added(this, event.frame.length);
    if (this.#events.length > MAX_EVENTS_PER_ROOM) {
      this.evict();
      this.#voidTurn();
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
   * What the log holds after `base`, without gaps. If that leads to what the ring begins with, and there is room, the
   * ring begins after `base` from now on: a crowd that comes from another edge has mostly missed the same.
   */
  extend(base: number, events: readonly FeedEvent[]): void {
    if (base >= this.#base || events.length === 0 || events.at(-1)!.seq < this.#base) return;
    const missing = events.filter(({ seq }) => seq <= this.#base);
    const gone = new Set(
      [...missing, ...this.#events].filter(({ takesBack }) => takesBack).map(({ target }) => target),
    );
    const older = missing.filter(({ seq, target, takesBack }) => takesBack || !(gone.has(seq) || gone.has(target)));
    const bytes = older.reduce((sum, { frame }) => sum + frame.length, 0);
    if (older.length + this.#events.length > MAX_EVENTS_PER_ROOM || !this.#budget.hasRoomFor(bytes)) return;
    this.#base = base;
    this.#events = [...older, ...this.#events];
    for (const { frame } of older) this.#budget.added(this, frame.length);
  }

  /** Takes out a message and what is about it: whoever reads on from before it is given what is left. */
  #forget(seq: number | undefined): void {
    const kept = this.#events.filter((event) => event.seq !== seq && event.target !== seq);
    if (kept.length === this.#events.length) return;
    for (const event of this.#events) {
      if (event.seq !== seq && event.target !== seq) continue;
      this.#budget.removed(event.frame.length);
      this.#voidTurn();
    }
    this.#events = kept;
  }

  /** For the budget: whether the turn that has come is that of an event which is gone already. */
  passTurn(): boolean {
    if (this.#voidTurns === 0) return false;
    this.#voidTurns--;
    return true;
  }

  /** Empties the ring; it then begins after `base`. */
  reset(base: number): void {
    while (this.#events.length > 0) {
      this.evict();
      this.#voidTurn();
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

  #voidTurn(): void {
    this.#voidTurns++;
    this.#budget.voided();
  }
}
