import { setTimeout as delay } from "node:timers/promises";
import type { Lane, Log } from "@madang/broker";
import { formatPosition, type Position, ProtocolError } from "@madang/protocol";
import { Backoff, type Logger } from "@madang/runtime";
import type { Connection } from "../socket/connection.ts";
import type { EdgeCounts } from "./counts.ts";
import type { FeedEvent } from "./feed-event.ts";
import type { Replayer } from "./replayer.ts";
import type { Room, RoomMember } from "./room.ts";

const RETRIES = { firstMs: 20, lastMs: 1000 };
/** The retries before this many empty reads take about 5 s: so long a replica of the log may be behind. */
const MAX_EMPTY_READS = 10;
const ECHO_POLL_MS = 5;

/** What a member needs of its edge. */
export interface MemberHost {
  readonly log: Log;
  readonly logger: Logger;
  readonly replayer: Replayer;
  readonly counts: EdgeCounts;
  /** Makes the room's feed catch up with the log's present head. */
  refresh(room: Room): Promise<void>;
}

/** The client of a member. */
export interface MemberClient {
  readonly connection: Connection;
  readonly isPlain: boolean;
  isOf(person: { readonly user: string; readonly userId?: string }): boolean;
}

/**
 * One client in one room. A member is either live or catching up: then it reads the room's past at the speed of its own
 * socket, from the ring, the log or history, until it has reached the head. Joining from a position, falling behind (F8)
 * and a replay are the same thing.
 */
export class Member implements RoomMember {
  readonly room: Room;
  readonly isPlain: boolean;
  /** P2: the sequence of a plain client's own last stored message. Its echo is the client's answer. */
  lastOwn = 0;
  readonly #host: MemberHost;
  readonly #client: MemberClient;
  readonly #connection: Connection;
  /** Where the client wants to go on; `undefined`: live only. */
  readonly #after: Position | undefined;
  /** The last sequence given to the client, while it is catching up. */
  #cursor = 0;
  /** Created with the first message: most members only read, and they are many. */
  #lane: Lane | undefined;
  #begun = false;
  #answered = false;
  #gone = false;
  /** Rises with every restart of the order: a catch-up from before it is void. */
  #generation = 0;

  constructor(host: MemberHost, client: MemberClient, room: Room, after: Position | undefined) {
    this.room = room;
    this.isPlain = client.isPlain;
    this.#host = host;
    this.#client = client;
    this.#connection = client.connection;
    this.#after = after;
  }

  /** The sender's lane of this room. It is paused until the join is answered: a client's own message comes after that. */
  get lane(): Lane {
    if (!this.#lane) {
      this.#lane = this.#host.log.lane(this.room.name, this.#connection.id);
      if (!this.#answered) this.#lane.pause();
    }
    return this.#lane;
  }

  isOf(person: { readonly user: string; readonly userId?: string }): boolean {
    return this.#client.isOf(person);
  }

  /** The room is open: answers the join and brings the client to the head. */
  begin(): void {
    if (this.#begun || this.#gone) return;
    this.#begun = true;
    void this.#start(this.#generation);
  }

  leave(): void {
    this.#gone = true;
    this.room.remove(this);
    this.#lane?.resume();
  }

  /** Resolves when the feed has delivered a plain client's own last message, or after `limitMs`. */
  async echoed(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!this.#gone && this.room.feed.head < this.lastOwn && performance.now() < deadline) await delay(ECHO_POLL_MS);
    this.room.flush();
  }

  write(bytes: Buffer): boolean {
    return this.#connection.writeEvents(bytes);
  }

  /** F8: live events are no longer written; they are read again from `seq` on when the socket has drained. */
  fellBehind(seq: number): void {
    this.#cursor = seq;
    void this.#catchUp(this.#generation, false);
  }

  /** Never silence: `joined` tells the client that its position no longer continues. */
  restarted(seq: number): void {
    if (!this.#begun || this.#gone) return;
    this.#generation++;
    this.#cursor = seq;
    this.room.pause(this);
    this.#sendJoined(seq, false);
    void this.#catchUp(this.#generation, true);
  }

  async #start(generation: number): Promise<void> {
    const from = this.#after === undefined ? this.room.feed.head : await this.#resumable(this.#after);
    if (this.#gone || generation !== this.#generation) return;
    this.#cursor = from ?? this.room.feed.head;
    this.#sendJoined(this.room.feed.head, from !== undefined);
    await this.#catchUp(generation, true);
  }

  /** F2: the sequence to go on from, or `undefined` when the position cannot be resumed. */
  async #resumable({ epoch, seq }: Position): Promise<number | undefined> {
    const { log } = this.#host;
    const { feed } = this.room;
    if (epoch === log.epoch && seq <= feed.head && seq >= feed.ring.base) return seq;
    // A foreign epoch or a position ahead of the head: it may be this edge that is behind.
    if (epoch !== log.epoch || seq > log.lastSeq) await this.#checkLog();
    if (epoch !== log.epoch || seq > log.lastSeq) return undefined;
    if (seq <= feed.head) return (await this.#isReadable(seq)) ? seq : undefined;
    // A position of another room's event, as history gives them, or of an event that has not arrived here yet: if the
    // feed delivered it live, the client would have it twice.
    await this.#host.refresh(this.room);
    return seq;
  }

  /**
   * Whether the log or history still has everything after `seq`, and the room was not deleted since. While the log is
   * away there is no answer.
   */
  async #isReadable(seq: number): Promise<boolean> {
    const backoff = new Backoff(RETRIES);
    while (!this.#gone) {
      try {
        const events = await this.#host.replayer.read(this.room.feed, seq);
        // A client without any event has nothing to drop: it gets the clearing in its place.
        return seq === 0 || !events.some(({ isClearing }) => isClearing);
      } catch (error) {
        if (!(error instanceof ProtocolError) || error.code !== "log_unavailable") return false;
      }
      await delay(backoff.next());
    }
    return false;
  }

  /** Asks the log for its identity. While the log is away there is no answer, as in a room that is not open. */
  async #checkLog(): Promise<void> {
    const backoff = new Backoff(RETRIES);
    while (!this.#gone) {
      const epoch = await this.#host.log.checkEpoch().catch(() => undefined);
      if (epoch !== undefined) return;
      await delay(backoff.next());
    }
  }

  #sendJoined(seq: number, recovered: boolean): void {
    const { epoch } = this.#host.log;
    if (!this.isPlain) {
      this.#connection.send({
        type: "joined",
        room: this.room.name,
        epoch,
        position: formatPosition(epoch, seq),
        recovered,
      });
    } else if (!recovered) {
      this.#connection.sendError(new ProtocolError("position_lost"));
    }
    this.#answered = true;
    this.#lane?.resume();
  }

  async #catchUp(generation: number, announce: boolean): Promise<void> {
    const { log, replayer } = this.#host;
    const { feed } = this.room;
    const backoff = new Backoff(RETRIES);
    let emptyReads = 0;
    const isOver = () => this.#gone || generation !== this.#generation;
    for (;;) {
      await this.#connection.drained();
      if (isOver()) return;
      const recent = replayer.recent(feed, this.#cursor);
      // From here to goLive nothing may wait: no event can come in between.
      if (recent?.length === 0) {
        if (announce) this.#sendCaughtUp();
        this.room.goLive(this, this.#cursor);
        return;
      }
      if (recent) {
        this.#give(recent);
        continue;
      }
      const read = await this.#connection.replay(async () => {
        const events = isOver() ? [] : await this.#read();
        if (events?.length && !isOver()) this.#give(events);
        return events;
      });
      if (isOver()) return;
      if (read?.length) {
        backoff.reset();
        emptyReads = 0;
      } else if (replayer.isOlderThanLog(this.#cursor)) {
        // Either nothing before the log's first event is left anywhere, or history cannot be asked.
        this.#cursor = read ? Math.min(feed.head, log.firstSeq - 1) : feed.head;
        if (!read) this.#sendJoined(feed.head, false);
      } else if (read && ++emptyReads === MAX_EMPTY_READS) {
        // The last event was removed from the log. Whatever else the cause may be, the client is told.
        this.#cursor = feed.head;
        this.#sendJoined(feed.head, false);
      } else {
        await delay(backoff.next());
      }
    }
  }

  /** @returns `undefined` when neither log nor history answers now */
  async #read(): Promise<FeedEvent[] | undefined> {
    this.#host.counts.replays++;
    try {
      const read = await this.#host.replayer.read(this.room.feed, this.#cursor);
      // Events after the head are the feed's to order.
      return read.filter((event) => event.seq > this.#cursor && event.seq <= this.room.feed.head);
    } catch (error) {
      // A defect in one replay must not end the process.
      if (!(error instanceof ProtocolError)) this.#host.logger.error({ err: error as Error }, "replay failed");
      return undefined;
    }
  }

  #give(events: FeedEvent[]): void {
    const wanted = this.isPlain ? events.filter((event) => event.isMessage) : events;
    if (wanted.length > 0) this.#connection.write(Buffer.concat(wanted.map((event) => event.frame)));
    this.#cursor = events.at(-1)!.seq;
  }

  #sendCaughtUp(): void {
    if (this.isPlain) return;
    const position = formatPosition(this.#host.log.epoch, this.room.feed.head);
    this.#connection.send({ type: "caughtUp", room: this.room.name, position });
  }
}
