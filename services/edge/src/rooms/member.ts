import { setTimeout as delay } from "node:timers/promises";
import type { Lane } from "@madang/broker";
import { formatPosition, type Position, ProtocolError } from "@madang/protocol";
import type { Connection } from "../socket/connection.ts";
import type { FeedEvent } from "./feed-event.ts";
import type { Hub } from "./hub.ts";
import type { Room } from "./room.ts";

const FIRST_RETRY_MS = 20;
const LAST_RETRY_MS = 1000;
/** As long as the retries before them take, some 5 s, a replica of the log that answers may be behind. */
const MAX_EMPTY_READS = 10;
const ECHO_POLL_MS = 5;

/**
 * One connection in one room. A member is either live, or catching up: then it reads the room's past at the speed of
 * its own socket, from the ring, the log or history, until it has reached the head. Joining from a position, falling
 * behind (F8) and a replay are all the same thing.
 */
export class Member {
  readonly connection: Connection;
  readonly room: Room;
  readonly isPlain: boolean;
  /** P2: the last of a plain client's own messages that is stored. It has its answer when it comes back. */
  said = 0;
  readonly #hub: Hub;
  /** Where the client said it was; undefined: live only. */
  readonly #after: Position | undefined;
  /** The last sequence given to the client, while it is catching up. */
  #cursor = 0;
  /** Made when something is said: most members only listen, and are many. */
  #lane: Lane | undefined;
  #begun = false;
  #answered = false;
  #gone = false;
  /** Rises with every restart of the order: a catch-up from before it is void. */
  #generation = 0;

  constructor(hub: Hub, connection: Connection, room: Room, after: Position | undefined) {
    this.connection = connection;
    this.room = room;
    this.isPlain = connection.isPlain;
    this.#hub = hub;
    this.#after = after;
  }

  /** The sender's way into this room. It is shut until the join is answered: what one says oneself comes after it. */
  get lane(): Lane {
    if (!this.#lane) {
      this.#lane = this.#hub.log.lane(this.room.name, this.connection.id);
      if (!this.#answered) this.#lane.pause();
    }
    return this.#lane;
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

  /** Resolves when what a plain client has said here has come back to it, as far as it can take it; or after `limitMs`. */
  async echoed(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!this.#gone && this.room.feed.head < this.said && performance.now() < deadline) await delay(ECHO_POLL_MS);
    this.room.flush();
  }

  /** Hands bytes to the socket. False when it has too much unsent already: then nothing was taken. */
  write(bytes: Buffer): boolean {
    return this.connection.writeEvents(bytes);
  }

  /** F8: live events are no longer written; they are read again from `seq` on when the socket has drained. */
  fellBehind(seq: number): void {
    this.#cursor = seq;
    void this.#catchUp(this.#generation, false);
  }

  /** The order began anew after `seq`. Never silence: the client is told that what it had no longer goes on. */
  restarted(seq: number): void {
    if (!this.#begun || this.#gone) return;
    this.#generation++;
    this.#cursor = seq;
    this.room.pause(this);
    this.#sayJoined(seq, false);
    void this.#catchUp(this.#generation, true);
  }

  async #start(generation: number): Promise<void> {
    const from = this.#after === undefined ? this.room.feed.head : await this.#resumable(this.#after);
    if (this.#gone || generation !== this.#generation) return;
    this.#cursor = from ?? this.room.feed.head;
    this.#sayJoined(this.room.feed.head, from !== undefined);
    await this.#catchUp(generation, true);
  }

  /** F2: the sequence to go on from, or `undefined` when that position leads nowhere. */
  async #resumable({ epoch, seq }: Position): Promise<number | undefined> {
    const { log } = this.#hub;
    const { feed } = this.room;
    if (epoch === log.epoch && seq <= feed.head && seq >= feed.ring.base) return seq;
    // A foreign epoch or a position ahead: it may be this edge that is behind.
    if (epoch !== log.epoch || seq > log.lastSeq) await this.#checkLog();
    if (epoch !== log.epoch || seq > log.lastSeq) return undefined;
    if (this.#hub.replayer.isOlderThanLog(seq)) {
      const read = await this.#hub.replayer.read(feed, seq).catch(() => undefined);
      if (!read) return undefined;
    } else if (seq > feed.head) {
      // A position of another room's event, as history gives them, or of one that has not come here yet: were it
      // delivered live, the client would have it twice.
      await this.#hub.refresh(this.room);
    }
    return seq;
  }

  /** What the log is now. While it is away nobody can tell, and there is no answer, as in a room that is not open. */
  async #checkLog(): Promise<void> {
    for (let retryMs = FIRST_RETRY_MS; !this.#gone; retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)) {
      const epoch = await this.#hub.log.checkEpoch().catch(() => undefined);
      if (epoch !== undefined) return;
      await delay(retryMs);
    }
  }

  #sayJoined(seq: number, recovered: boolean): void {
    const { epoch } = this.#hub.log;
    if (!this.isPlain) {
      this.connection.send({
        type: "joined",
        room: this.room.name,
        epoch,
        position: formatPosition(epoch, seq),
        recovered,
      });
    } else if (!recovered) {
      this.connection.sendError(new ProtocolError("position_lost"));
    }
    this.#answered = true;
    this.#lane?.resume();
  }

  async #catchUp(generation: number, announce: boolean): Promise<void> {
    const { feed } = this.room;
    let retryMs = FIRST_RETRY_MS;
    let emptyReads = 0;
    const isOver = () => this.#gone || generation !== this.#generation;
    for (;;) {
      await this.connection.drained();
      if (isOver()) return;
      const recent = this.#hub.replayer.recent(feed, this.#cursor);
      // From here to goLive nothing may wait: no event can come in between.
      if (recent?.length === 0) {
        if (announce) this.#sayCaughtUp();
        this.room.goLive(this, this.#cursor);
        return;
      }
      if (recent) {
        this.#give(recent);
        continue;
      }
      const read = await this.connection.replay(async () => {
        const events = isOver() ? [] : await this.#read();
        if (events?.length && !isOver()) this.#give(events);
        return events;
      });
      if (isOver()) return;
      if (read?.length) {
        retryMs = FIRST_RETRY_MS;
        emptyReads = 0;
      } else if (this.#hub.replayer.isOlderThanLog(this.#cursor)) {
        // Nothing between here and the log's first event is left anywhere, or history cannot be asked for it.
        this.#cursor = read ? Math.min(feed.head, this.#hub.log.firstSeq - 1) : feed.head;
        if (!read) this.#sayJoined(feed.head, false);
      } else if (read && ++emptyReads === MAX_EMPTY_READS) {
        // The last event was taken out of the log. Whatever else may be the cause, the client is told.
        this.#cursor = feed.head;
        this.#sayJoined(feed.head, false);
      } else {
        await delay(retryMs);
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
      }
    }
  }

  /** `undefined` when nobody can tell now. */
  async #read(): Promise<FeedEvent[] | undefined> {
    this.#hub.counts.replays++;
    try {
      const read = await this.#hub.replayer.read(this.room.feed, this.#cursor);
      // Beyond the head there is nothing to give: what comes next is the feed's to order.
      return read.filter((event) => event.seq > this.#cursor && event.seq <= this.room.feed.head);
    } catch (error) {
      // A mistake in one replay, ours or of what history answered, is not to take everybody down.
      if (!(error instanceof ProtocolError)) this.#hub.logger.error({ err: error as Error }, "replay failed");
      return undefined;
    }
  }

  #give(events: FeedEvent[]): void {
    const wanted = this.isPlain ? events.filter((event) => event.isMessage) : events;
    if (wanted.length > 0) this.connection.write(Buffer.concat(wanted.map((event) => event.frame)));
    this.#cursor = events.at(-1)!.seq;
  }

  #sayCaughtUp(): void {
    if (this.isPlain) return;
    const position = formatPosition(this.#hub.log.epoch, this.room.feed.head);
    this.connection.send({ type: "caughtUp", room: this.room.name, position });
  }
}
