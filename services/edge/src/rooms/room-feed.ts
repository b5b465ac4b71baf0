import { setTimeout as delay } from "node:timers/promises";
import type { LiveRecord, LiveSubscription, Log, LogRecord } from "@madang/broker";
import { type FeedEvent, feedEvent } from "./feed-event.ts";
import { Ring, type RingBudget } from "./ring.ts";

/** Where a feed delivers to. */
export interface FeedSink {
  /** The room's events, each once, in the log's order, without a gap. */
  deliver(event: FeedEvent): void;
  /** The order begins anew after `seq`: the log was made anew, or a part of it is gone for good. */
  restarted(seq: number): void;
}

const REPLAY_BATCH = 256;
/** Live events kept while a gap is healed; should more come, they are read from the log again. */
const MAX_HELD = 2048;
const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 1000;

/**
 * One room's events on this edge, out of an at-most-once live subscription and the log itself. `head` is the last
 * sequence delivered. Of a live event with sequence `seq`, whose predecessor in the room is `last`:
 * `seq <= head` was delivered before; `last <= head` is next; `last > head` shows a gap, which is read from the log first.
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
  /** Live events that wait for a gap to be healed, in order. */
  #held: LiveRecord[] = [];
  /** The log is known to go on to here. */
  #target = 0;
  #healing = false;
  /** The last sequence that came by replay: its live copy may still follow and says nothing. */
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

  /** First half of opening: subscribes, and holds what comes. Once the log is `subscribed`, nothing can be missed. */
  subscribe(): void {
    if (!this.#closed) this.#subscription = this.#log.subscribe(this.room, (record) => this.#onRecord(record));
  }

  /** Second half: the room's head as the log told it after the subscription. From here on events are delivered. */
  open(head: number): void {
    if (this.#opened || this.#closed) return;
    this.#head = head;
    this.#replayedTo = head;
    this.ring.reset(head);
    this.#opened = true;
    this.#drainHeld();
    if (this.#held.length > 0) void this.#heal();
  }

  close(): void {
    this.#closed = true;
    this.#subscription?.unsubscribe();
    this.#held = [];
    this.ring.reset(0);
  }

  /** The log's head of this room, heard from the log: heals if the feed is behind. */
  audit(head: number): void {
    if (!this.#opened || head <= this.#head) return;
    this.#target = Math.max(this.#target, head);
    void this.#heal();
  }

  /** From now on the past is what the log holds of it. */
  forget(): void {
    if (this.#opened) this.ring.reset(this.#head);
  }

  /** The log was made anew: everything of it is still to be delivered. */
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
    if (!this.#opened || this.#healing) return this.#hold(record);
    if (record.seq <= this.#head) {
      // A live event again: either its replay was faster, or these are the sequences of a new log.
      if (record.seq > this.#replayedTo) this.#log.checkEpoch().catch(() => {});
    } else if (record.last <= this.#head) {
      this.#deliver(record);
    } else {
      this.#hold(record);
      void this.#heal();
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

  /** Reads on from the head until the target is reached. An empty answer proves nothing: direct gets may be behind. */
  async #heal(): Promise<void> {
    if (this.#healing) return;
    this.#healing = true;
    let retryMs = FIRST_RETRY_MS;
    while (!this.#closed) {
      this.#drainHeld();
      if (this.#held.length === 0 && this.#head >= this.#target) break;
      const from = this.#head;
      const epoch = this.#log.epoch;
      const records = await this.#log.replay(this.room, from + 1, REPLAY_BATCH).catch((): LogRecord[] => []);
      // The log may have been made anew meanwhile: then this answer belongs to neither.
      if (this.#closed || epoch !== this.#log.epoch) continue;
      for (const record of records) if (record.seq > this.#head) this.#deliver(record);
      this.#replayedTo = Math.max(this.#replayedTo, this.#head);
      if (this.#head > from) {
        retryMs = FIRST_RETRY_MS;
        continue;
      }
      if (this.#goneForGood()) continue;
      await delay(retryMs);
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
    this.#healing = false;
  }

  /** Whether what is missing has left the log by age. Then the members are told, and the feed goes on behind it. */
  #goneForGood(): boolean {
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
