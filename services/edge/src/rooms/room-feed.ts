import { setTimeout as delay } from "node:timers/promises";
import type { LiveRecord, LiveSubscription, Log, LogRecord } from "@madang/broker";
import { Backoff } from "@madang/runtime";
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
const RETRIES = { firstMs: 20, lastMs: 1000 };

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
  /** An audit found that the feed has delivered all of the room's events up to this sequence of the log. */
  #verified = 0;
  /** Events between the head and the last read may have left the log by age. */
  #mayHaveExpired = false;
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

  /**
   * Compares with the room's head in the log, and fills the gap if the feed is behind.
   * @param lastSeq the log's last sequence before it was asked for `head`; absent: unknown
   */
  audit(head: number, lastSeq = 0): void {
    if (!this.#opened) return;
    if (head <= this.#head) {
      this.#verified = Math.max(this.#verified, lastSeq);
      return;
    }
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
    this.#verified = 0;
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
    const backoff = new Backoff(RETRIES);
    while (!this.#closed) {
      this.#drainHeld();
      if (this.#held.length === 0 && this.#head >= this.#target) break;
      const from = this.#head;
      const epoch = this.#log.epoch;
      const records = await this.#readAfter(from).catch((): LogRecord[] => []);
      // The log may have been created anew meanwhile: then this answer is void.
      if (this.#closed || epoch !== this.#log.epoch) continue;
      if (records.length > 0 && this.#mayHaveExpired) this.#restartAfter(records[0]!.seq - 1);
      for (const record of records) if (record.seq > this.#head) this.#deliver(record);
      this.#replayedTo = Math.max(this.#replayedTo, this.#head);
      if (this.#head > from) {
        backoff.reset();
        continue;
      }
      if (this.#skipLost()) continue;
      await delay(backoff.next());
    }
    this.#filling = false;
  }

  /**
   * Events after the head. The log loses events from its beginning on: as long as it holds the head's event, it holds all
   * that followed. Otherwise the log's first sequence, asked anew, tells whether events in between may have expired.
   */
  async #readAfter(head: number): Promise<LogRecord[]> {
    const records = await this.#log.replay(this.room, Math.max(1, head), 1 + REPLAY_BATCH);
    const isProven = records[0]?.seq === head;
    if (!isProven) await this.#log.checkEpoch();
    this.#mayHaveExpired = !isProven && Math.max(head, this.#verified) + 1 < this.#log.firstSeq;
    return isProven ? records.slice(1) : records;
  }

  /** Whether the missing events have left the log by age. Then the feed tells its members and goes on behind them. */
  #skipLost(): boolean {
    const missing = this.#held[0]?.last ?? this.#target;
    if (missing >= this.#log.firstSeq) return false;
    this.#restartAfter(missing);
    return true;
  }

  #restartAfter(seq: number): void {
    this.#head = seq;
    this.ring.reset(seq);
    this.#sink.restarted(seq);
  }

  #deliver(record: LogRecord): void {
    const event = feedEvent(this.#log.epoch, record);
    this.#head = event.seq;
    // The clearing itself must come from the log, where a join from before it recognises it.
    if (event.isClearing) this.ring.reset(event.seq);
    else this.ring.push(event);
    this.#sink.deliver(event);
  }
}
