import type { LiveSubscription, Log } from "@madang/broker";
import { decodeTyping } from "@madang/protocol";
import type { EdgeCounts } from "../metrics.ts";
import { textFrame } from "../socket/websocket-frame.ts";
import type { FeedEvent } from "./feed-event.ts";
import type { Member } from "./member.ts";
import type { RingBudget } from "./ring.ts";
import { type FeedSink, RoomFeed } from "./room-feed.ts";

/** Who is typing is told to so many members of an edge: among more, somebody always is. */
const TYPING_MAX_MEMBERS = 100;

/** What a room needs of the hub. */
export interface RoomHost {
  readonly log: Log;
  readonly ringBudget: RingBudget;
  readonly counts: EdgeCounts;
  /** Has {@link Room.flush} called at the end of this turn of the event loop. */
  flushLater(room: Room): void;
}

/**
 * A room that has members on this edge. Events of one turn are joined into one buffer and written once per member:
 * no delay when idle, fewer system calls under load.
 */
export class Room implements FeedSink {
  readonly name: string;
  readonly feed: RoomFeed;
  readonly #host: RoomHost;
  readonly #members = new Set<Member>();
  /** Those who get what the feed delivers; the others are catching up and read for themselves. */
  readonly #live = new Set<Member>();
  /**
   * Those who are live and have seen more than the feed has delivered, up to where: told elsewhere, by an edge or a
   * server of NATS that was ahead of ours. What comes before that is not given to them again. Made when there is one: rooms are many.
   */
  #ahead: Map<Member, number> | undefined;
  #transients: LiveSubscription | undefined;
  #subscribed = false;
  #batch: FeedEvent[] = [];
  /** The last sequence that every live member was given. */
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

  get members(): ReadonlySet<Member> {
    return this.#members;
  }

  /** Whether it is worth opening: it has members, or somebody waits for it before they come in. */
  get isAwaited(): boolean {
    return this.#members.size > 0 || this.#opening !== undefined;
  }

  /** Whether it is open, or being opened. */
  get isSubscribed(): boolean {
    return this.#subscribed;
  }

  add(member: Member): void {
    this.#members.add(member);
    if (this.#subscribed) this.#listenFor([member]);
  }

  remove(member: Member): void {
    this.#members.delete(member);
    this.pause(member);
    if (this.#members.size === 0) this.emptySince = performance.now();
  }

  /** First half of opening; the second is {@link open}. */
  subscribe(): void {
    this.#subscribed = true;
    this.feed.subscribe();
    this.#listenFor(this.#members);
  }

  close(): void {
    this.#subscribed = false;
    this.feed.close();
    this.#transients?.unsubscribe();
    this.#transients = undefined;
  }

  /** The member reads for itself again. */
  pause(member: Member): void {
    this.#live.delete(member);
    this.#ahead?.delete(member);
  }

  /** Opens the feed; members that wait for it begin. */
  open(head: number): void {
    this.feed.open(head);
    for (const member of this.#members) member.begin();
    this.#opening?.resolve();
  }

  /** Makes a member live that has seen everything up to `seen`, the feed's head or more. What others are still owed is written first. */
  goLive(member: Member, seen: number): void {
    this.flush();
    this.#flushed = this.feed.head;
    if (seen <= this.#flushed) return void this.#live.add(member);
    this.#ahead ??= new Map();
    this.#ahead.set(member, seen);
  }

  deliver(event: FeedEvent): void {
    this.#batch.push(event);
    if (this.#batch.length === 1) this.#host.flushLater(this);
  }

  /** Nobody plain is told what is said beside the log. */
  #listenFor(members: Iterable<Member>): void {
    if (this.#transients) return;
    for (const { isPlain } of members) {
      if (!isPlain)
        this.#transients ??= this.#host.log.subscribeTransient(this.name, (data) => this.#onTransient(data));
    }
  }

  /** F4: not to those who are behind, nor to who it is about. */
  #onTransient(data: Uint8Array): void {
    if (this.#live.size > TYPING_MAX_MEMBERS) return;
    const notice = decodeTyping(data);
    if (notice?.room !== this.name) return;
    const bytes = textFrame(notice);
    for (const member of [...this.#live, ...(this.#ahead?.keys() ?? [])]) {
      if (!member.isPlain && !member.connection.isOf(notice)) member.write(bytes);
    }
  }

  restarted(seq: number): void {
    this.flush();
    this.#flushed = seq;
    for (const member of this.#members) member.restarted(seq);
  }

  /** Writes the events of this turn to every live member; one who cannot take them goes back to catching up (F8). */
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

  #writeAhead(batch: readonly FeedEvent[], ahead: Map<Member, number>): void {
    for (const [member, seen] of ahead) {
      if (seen > this.#flushed) continue;
      ahead.delete(member);
      const events = batch.filter(({ seq, isMessage }) => seq > seen && (isMessage || !member.isPlain));
      if (events.length === 0 || member.write(joined(events))) this.#live.add(member);
      else member.fellBehind(seen);
    }
  }
}

function joined(events: FeedEvent[]): Buffer {
  return events.length === 1 ? events[0]!.frame : Buffer.concat(events.map((event) => event.frame));
}
