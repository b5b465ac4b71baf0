import { setTimeout as delay } from "node:timers/promises";
import type { LiveRecord, LiveSubscription, Log, LogRecord } from "@madang/broker";
import { type FeedEvent, feedEvent } from "./feed-event.ts";
import { Ring, type RingBudget } from "./ring.ts";

/** Receives what a feed delivers. */
export interface FeedSink {
  /** The room's events, each once, in the log's order, without a gap. */
  deliver(event: FeedEvent): void;
  /** The order begins anew after `seq`: the log was created anew, or a part of it is lost. */
  restarted(seq: number): void;
}

const REPLAY_BATCH = 256;
/** Live events held while a gap is filled; with more, the feed reads them from the log again. */
const MAX_HELD = 2048;
const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 1000;

/**
 * One room's events on this edge, out of an at-most-once live subscription and the log itself. `head` is the last
 * sequence delivered. Of a live event with sequence `seq`, whose predecessor in the room is `last`:
 * `seq <= head` was delivered before; `last <= head` is next; `last > head` shows a gap, which the feed first reads from the log.
 * A lost tail shows no gap: {@link audit} compares with the log's own head.
 */
export class RoomFeed {
  readonly room: string;
  readonly ring: Ring;
  readonly #log: Log;
  readonly #sink: FeedSink;
  #head = 0;
  #subscription: LiveSubscription | undefined;
  #opened = false;
  #closed = false;
  /** Live events that wait until a gap is filled, in order. */
  #held: LiveRecord[] = [];
  /** The log is known to hold events up to this sequence. */
  #target = 0;
  #filling = false;
  /** The last sequence that came by replay: a live copy up to here is expected and means nothing. */
  #replayedTo = 0;

  constructor(room: string, log: Log, budget: RingBudget, sink: FeedSink) {
    this.room = room;
    this.#log = log;
    this.#sink = sink;
    this.ring = new Ring(budget, 0);
  }

  get head(): number {
    return this.#head;
  }

  get opened(): boolean {
    return this.#opened;
  }

  /** First half of opening: subscribes, and holds the events that arrive. Once the log is `subscribed`, none can be missed. */
  subscribe(): void {
    if (!this.#closed) this.#subscription = this.#log.subscribe(this.room, (record) => this.#onRecord(record));
  }

  /** Second half: `head` is the room's head, read from the log after the subscription. Delivery begins behind it. */
  open(head: number): void {
    if (this.#opened || this.#closed) return;
    this.#head = head;
    this.#replayedTo = head;
    this.ring.reset(head);
    this.#opened = true;
    this.#drainHeld();
    if (this.#held.length > 0) void this.#fillGap();
  }

  close(): void {
    this.#closed = true;
    this.#subscription?.unsubscribe();
    this.#held = [];
    this.ring.reset(0);
  }

  /** Compares with the room's head in the log, and fills the gap if the feed is behind. */
  audit(head: number): void {
    if (!this.#opened || head <= this.#head) return;
    this.#target = Math.max(this.#target, head);
    void this.#fillGap();
  }

  /** Drops the events in memory: members that are behind read the log from now on. */
  forget(): void {
    if (this.#opened) this.ring.reset(this.#head);
  }

  /** The log was created anew: the feed delivers all of it. */
  restart(): void {
    if (!this.#opened) return;
    this.#head = 0;
    this.#target = 0;
    this.#replayedTo = 0;
    this.#held = [];
    this.ring.reset(0);
    this.#sink.restarted(0);
  }

  #onRecord(record: LiveRecord): void {
    if (!this.#opened || this.#filling) return this.#hold(record);
    if (record.seq <= this.#head) {
      // A live event that was delivered before: its replay was faster, or these are sequences of a new log.
      if (record.seq > this.#replayedTo) this.#log.checkEpoch().catch(() => {});
    } else if (record.last <= this.#head) {
      this.#deliver(record);
    } else {
      this.#hold(record);
      void this.#fillGap();
    }
  }

  #hold(record: LiveRecord): void {
    this.#target = Math.max(this.#target, record.seq);
    if (this.#held.length >= MAX_HELD) this.#held = [];
    this.#held.push(record);
  }

  #drainHeld(): void {
    let next = 0;
    while (next < this.#held.length && this.#held[next]!.last <= this.#head) {
      const record = this.#held[next++]!;
      if (record.seq > this.#head) this.#deliver(record);
    }
    this.#held = this.#held.slice(next);
  }

  /** Reads on from the head until it reaches the target. An empty answer proves nothing: direct gets may be behind. */
  async #fillGap(): Promise<void> {
    if (this.#filling) return;
    this.#filling = true;
    let retryMs = FIRST_RETRY_MS;
    while (!this.#closed) {
      this.#drainHeld();
      if (this.#held.length === 0 && this.#head >= this.#target) break;
      const from = this.#head;
      const epoch = this.#log.epoch;
      const records = await this.#log.replay(this.room, from + 1, REPLAY_BATCH).catch((): LogRecord[] => []);
      // The log may have been created anew meanwhile: then this answer is void.
      if (this.#closed || epoch !== this.#log.epoch) continue;
      for (const record of records) if (record.seq > this.#head) this.#deliver(record);
      this.#replayedTo = Math.max(this.#replayedTo, this.#head);
      if (this.#head > from) {
        retryMs = FIRST_RETRY_MS;
        continue;
      }
      if (this.#skipLost()) continue;
      await delay(retryMs);
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
    this.#filling = false;
  }

  /** Whether the missing events have left the log by age. Then the feed tells its members and goes on behind them. */
  #skipLost(): boolean {
    const missing = this.#held[0]?.last ?? this.#target;
    if (missing >= this.#log.firstSeq) return false;
    this.#head = missing;
    this.ring.reset(missing);
    this.#sink.restarted(missing);
    return true;
  }

  #deliver(record: LogRecord): void {
    const event = feedEvent(this.#log.epoch, record);
    this.#head = event.seq;
    this.ring.push(event);
    this.#sink.deliver(event);
  }
}
