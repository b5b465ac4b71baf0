import type { LiveSubscription, Log } from "@madang/broker";
import { decodeTyping } from "@madang/protocol";
import { textFrame } from "../socket/websocket-frame.ts";
import type { Flushable } from "../socket/write-scheduler.ts";
import type { EdgeCounts } from "./counts.ts";
import type { FeedEvent } from "./feed-event.ts";
import type { RingBudget } from "./ring.ts";
import { type FeedSink, RoomFeed } from "./room-feed.ts";

/** With more members on an edge, typing notices are not delivered: among so many, there is always one who types. */
const TYPING_MAX_MEMBERS = 100;

/** What a room needs of its edge. */
export interface RoomHost {
  readonly log: Log;
  readonly ringBudget: RingBudget;
  readonly counts: EdgeCounts;
  readonly writes: { flushRoomLater(room: Flushable): void };
}

/** A member as its room uses it. */
export interface RoomMember {
  /** P1: a plain client receives messages only. */
  readonly isPlain: boolean;
  /** Whether that person speaks through this member. */
  isOf(person: { readonly user: string; readonly userId?: string }): boolean;
  /** The room is open. */
  begin(): void;
  /** Hands bytes to the socket. False when it has too much unsent already: then nothing was taken. */
  write(bytes: Buffer): boolean;
  /** F8: the member is no longer live, and has seen everything up to `seq`. */
  fellBehind(seq: number): void;
  /** The order began anew after `seq`. */
  restarted(seq: number): void;
}

/**
 * A room that has members on this edge. It joins the events of one turn into one buffer and writes it once to each
 * member: no delay when idle, fewer system calls under load.
 */
export class Room implements FeedSink, Flushable {
  readonly name: string;
  readonly feed: RoomFeed;
  readonly #host: RoomHost;
  readonly #members = new Set<RoomMember>();
  /** Members that receive what the feed delivers; the others are catching up and read for themselves. */
  readonly #live = new Set<RoomMember>();
  /**
   * Live members that have seen more than the feed has delivered, with how far: another edge or NATS server was ahead of
   * ours. They do not receive those events again. Created on demand, since rooms are many.
   */
  #ahead: Map<RoomMember, number> | undefined;
  #typing: LiveSubscription | undefined;
  #subscribed = false;
  #batch: FeedEvent[] = [];
  /** The last sequence that every live member has received. */
  #flushed = 0;
  #opening: PromiseWithResolvers<void> | undefined;
  /** When the last member left, in ms of performance.now(). */
  emptySince = performance.now();

  constructor(name: string, host: RoomHost) {
    this.name = name;
    this.#host = host;
    this.feed = new RoomFeed(name, host.log, host.ringBudget, this);
  }

  /** Resolves when the feed is open. */
  get opened(): Promise<void> {
    if (this.feed.opened) return Promise.resolve();
    this.#opening ??= Promise.withResolvers();
    return this.#opening.promise;
  }

  get members(): ReadonlySet<RoomMember> {
    return this.#members;
  }

  /** Whether it is worth opening: it has members, or a handshake waits for it. */
  get isAwaited(): boolean {
    return this.#members.size > 0 || this.#opening !== undefined;
  }

  /** Whether it is open, or being opened. */
  get isSubscribed(): boolean {
    return this.#subscribed;
  }

  add(member: RoomMember): void {
    this.#members.add(member);
    if (this.#subscribed) this.#subscribeTyping([member]);
  }

  remove(member: RoomMember): void {
    this.#members.delete(member);
    this.pause(member);
    if (this.#members.size === 0) this.emptySince = performance.now();
  }

  /** First half of opening; the second is {@link open}. */
  subscribe(): void {
    this.#subscribed = true;
    this.feed.subscribe();
    this.#subscribeTyping(this.#members);
  }

  close(): void {
    this.#subscribed = false;
    this.feed.close();
    this.#typing?.unsubscribe();
    this.#typing = undefined;
  }

  /** The member is no longer live: it reads for itself. */
  pause(member: RoomMember): void {
    this.#live.delete(member);
    this.#ahead?.delete(member);
  }

  /** Opens the feed; members that wait for it begin. */
  open(head: number): void {
    this.feed.open(head);
    for (const member of this.#members) member.begin();
    this.#opening?.resolve();
  }

  /** Makes a member live that has seen everything up to `seen`, which is the feed's head or more. It first writes the batch to the others. */
  goLive(member: RoomMember, seen: number): void {
    this.flush();
    this.#flushed = this.feed.head;
    if (seen <= this.#flushed) return void this.#live.add(member);
    this.#ahead ??= new Map();
    this.#ahead.set(member, seen);
  }

  deliver(event: FeedEvent): void {
    this.#batch.push(event);
    if (this.#batch.length === 1) this.#host.writes.flushRoomLater(this);
  }

  restarted(seq: number): void {
    this.flush();
    this.#flushed = seq;
    for (const member of this.#members) member.restarted(seq);
  }

  /** Writes the events of this turn to every live member; a member that cannot take them goes back to catching up (F8). */
  flush(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#host.counts.events += batch.length;
    this.#host.counts.deliveries += batch.length * this.#live.size;
    const all = joined(batch);
    const messages = batch.every((event) => event.isMessage) ? all : joined(batch.filter((event) => event.isMessage));
    for (const member of this.#live) {
      const bytes = member.isPlain ? messages : all;
      if (bytes.length > 0 && !member.write(bytes)) {
        this.#live.delete(member);
        this.#host.counts.lags++;
        member.fellBehind(this.#flushed);
      }
    }
    this.#flushed = batch.at(-1)!.seq;
    if (this.#ahead) this.#writeAhead(batch, this.#ahead);
  }

  #writeAhead(batch: readonly FeedEvent[], ahead: Map<RoomMember, number>): void {
    for (const [member, seen] of ahead) {
      if (seen > this.#flushed) continue;
      ahead.delete(member);
      const events = batch.filter(({ seq, isMessage }) => seq > seen && (isMessage || !member.isPlain));
      if (events.length === 0 || member.write(joined(events))) this.#live.add(member);
      else member.fellBehind(seen);
    }
  }

  /** Plain members receive no typing notices, so a room of only those needs no subscription. */
  #subscribeTyping(members: Iterable<RoomMember>): void {
    if (this.#typing) return;
    for (const { isPlain } of members) {
      if (!isPlain) this.#typing ??= this.#host.log.subscribeTransient(this.name, (data) => this.#onTyping(data));
    }
  }

  /** F4: not to members that are behind, nor to the person who types. */
  #onTyping(data: Uint8Array): void {
    if (this.#live.size > TYPING_MAX_MEMBERS) return;
    const notice = decodeTyping(data);
    if (notice?.room !== this.name) return;
    const bytes = textFrame(notice);
    for (const member of [...this.#live, ...(this.#ahead?.keys() ?? [])]) {
      if (!member.isPlain && !member.isOf(notice)) member.write(bytes);
    }
  }
}

function joined(events: FeedEvent[]): Buffer {
  return events.length === 1 ? events[0]!.frame : Buffer.concat(events.map((event) => event.frame));
}
