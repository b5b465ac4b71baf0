import type { Log } from "@madang/broker";
import { type HistoryMessage, ProtocolError } from "@madang/protocol";
import type { History } from "../history/history-client.ts";
import { Turns } from "../queues/concurrency-limit.ts";
import { textFrame } from "../socket/websocket-frame.ts";
import { type FeedEvent, feedEvent } from "./feed-event.ts";
import type { RoomFeed } from "./room-feed.ts";

const REPLAY_BATCH = 256;
const RING_READ_BYTES = 256 * 1024;
const HISTORY_PAGE = 100;
/** Replays under way at once on this edge: more would only make each slower, and the log's neighbours with it. */
const MAX_CONCURRENT = 16;
const RETRY_AFTER_S = 1;

/**
 * Past events of a room for whoever is behind: from the ring, else from the log, else (older than the log) from
 * history. Equal reads under way at the same time are one read, whatever the number of members that wait for it.
 */
export class Replayer {
  readonly #log: Log;
  readonly #history: History;
  readonly #flights = new Map<string, Promise<FeedEvent[]>>();
  readonly #turns = new Turns(MAX_CONCURRENT);

  constructor(log: Log, history: History) {
    this.#log = log;
    this.#history = history;
  }

  /** Events after `seq` that are in memory, `undefined` when `seq` is older than that. */
  recent(feed: RoomFeed, seq: number): FeedEvent[] | undefined {
    return seq >= feed.ring.base ? feed.ring.after(seq, RING_READ_BYTES) : undefined;
  }

  /**
   * Events after `seq`, ascending; empty when none was found (which proves nothing, see Log.replay).
   * @throws ProtocolError `log_unavailable`, `history_unavailable`
   */
  read(feed: RoomFeed, seq: number): Promise<FeedEvent[]> {
    const key = `${this.#log.epoch} ${seq} ${feed.room}`;
    let flight = this.#flights.get(key);
    if (!flight) {
      flight = this.#turns.run(() => this.#fetch(feed, seq)).finally(() => this.#flights.delete(key));
      this.#flights.set(key, flight);
    }
    return flight;
  }

  /** Whether the log itself may have lost what came after `seq`, by age. */
  isOlderThanLog(seq: number): boolean {
    return seq + 1 < this.#log.firstSeq;
  }

  async #fetch(feed: RoomFeed, seq: number): Promise<FeedEvent[]> {
    if (this.isOlderThanLog(seq)) {
      const events = await this.#fromHistory(feed.room, seq);
      if (events.length > 0) return events;
    }
    const { epoch } = this.#log;
    const [first, ...rest] = (await this.#log.replay(feed.room, Math.max(1, seq), 1 + REPLAY_BATCH)).map((record) =>
      feedEvent(epoch, record),
    );
    if (!first) return [];
    if (first.seq !== seq) return [first, ...rest];
    // The log loses what it holds from its beginning on: as it still has this one, it had all that followed. Where the
    // log begins is known from the last look only; a hole that came since would stay in the ring for all to come.
    if (epoch === this.#log.epoch) feed.ring.extend(seq, rest);
    return rest;
  }

  /** The first messages after `seq` that history has and the log no longer; empty when there is none. */
  async #fromHistory(room: string, seq: number): Promise<FeedEvent[]> {
    const { epoch, firstSeq } = this.#log;
    for (let position = `${epoch}.${seq}`; ; ) {
      const page = await this.#history.after(room, position, HISTORY_PAGE).catch((error: unknown) => {
        // A room that history has never heard of has no old messages.
        if (error instanceof ProtocolError && error.code === "not_found") return undefined;
        throw new ProtocolError("history_unavailable", { cause: error, retryAfter: RETRY_AFTER_S });
      });
      const old = page?.messages.filter((message) => message.epoch === epoch && message.seq < firstSeq) ?? [];
      const events = old.filter((message) => message.deleted !== true).map((message) => historyEvent(room, message));
      // A page of nothing but deleted messages is no end.
      if (events.length > 0 || old.length === 0 || page?.foundNewest) return events;
      position = old.at(-1)!.position;
    }
  }
}

function historyEvent(room: string, message: HistoryMessage): FeedEvent {
  const { position: _position, editedAt: _editedAt, deleted: _deleted, seq, epoch, ...rest } = message;
  return { seq, frame: textFrame({ epoch, seq, type: "message", room, ...rest }), isMessage: true };
}
