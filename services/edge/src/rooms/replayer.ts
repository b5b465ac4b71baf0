import type { Log } from "@madang/broker";
import { type HistoryMessage, ProtocolError } from "@madang/protocol";
import { SharedReads } from "@madang/runtime";
import pLimit from "p-limit";
import type { History } from "../history/history-client.ts";
import { textFrame } from "../socket/websocket-frame.ts";
import { type FeedEvent, feedEvent } from "./feed-event.ts";
import type { RoomFeed } from "./room-feed.ts";

const REPLAY_BATCH = 256;
const RING_READ_BYTES = 256 * 1024;
const HISTORY_PAGE = 100;
/** Reads at once on this edge: more would only make each slower, and the log's other users with it. */
const MAX_CONCURRENT = 16;
const RETRY_AFTER_S = 1;

/**
 * Past events of a room for members that are behind: from the ring, else from the log, else (older than the log) from
 * history. Equal reads under way at the same time are one read.
 */
export class Replayer {
  readonly #log: Log;
  readonly #history: History;
  readonly #inFlight = new SharedReads<FeedEvent[]>();
  readonly #limit = pLimit(MAX_CONCURRENT);

  constructor(log: Log, history: History) {
    this.#log = log;
    this.#history = history;
  }

  /** Events after `seq` that are in memory; `undefined` when `seq` is older than those. */
  recent(feed: RoomFeed, seq: number): FeedEvent[] | undefined {
    return seq >= feed.ring.base ? feed.ring.after(seq, RING_READ_BYTES) : undefined;
  }

  /**
   * Events after `seq`, ascending; empty when none was found (which proves nothing, see Log.replay).
   * @throws ProtocolError `log_unavailable`, `history_unavailable`, `position_lost`
   */
  read(feed: RoomFeed, seq: number): Promise<FeedEvent[]> {
    return this.#inFlight.run(`${this.#log.epoch} ${seq} ${feed.room}`, () =>
      this.#limit(() => this.#fetch(feed, seq)),
    );
  }

  /** Whether the log itself may have lost events after `seq`, by age. */
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
    // The log loses events from its beginning on: as it still has the position's event, it had all that followed.
    if (first?.seq === seq) {
      const left = sinceClearing(rest);
      if (epoch === this.#log.epoch && !left[0]?.isClearing) feed.ring.extend(seq, rest);
      return left;
    }
    // Otherwise events in between may have expired since the last look at the log's first sequence.
    await this.#log.checkEpoch();
    if (epoch === this.#log.epoch && this.isOlderThanLog(seq)) {
      const events = await this.#fromHistory(feed.room, seq);
      if (events.length > 0) return events;
    }
    return sinceClearing(first ? [first, ...rest] : []);
  }

  /**
   * The first messages after `seq` that history has and the log no longer; empty when there is none.
   * @throws ProtocolError `position_lost` when history has nothing up to `seq`: the room may have been deleted since, and
   * the event that says so has expired
   */
  async #fromHistory(room: string, seq: number): Promise<FeedEvent[]> {
    const { epoch, firstSeq } = this.#log;
    for (let position = `${epoch}.${seq}`; ; ) {
      const page = await this.#history.after(room, position, HISTORY_PAGE).catch((error: unknown) => {
        // A room that history does not know has no old messages.
        if (error instanceof ProtocolError && error.code === "not_found") return undefined;
        throw new ProtocolError("history_unavailable", { cause: error, retryAfter: RETRY_AFTER_S });
      });
      if (seq > 0 && page?.foundOldest) throw new ProtocolError("position_lost");
      const old = page?.messages.filter((message) => message.epoch === epoch && message.seq < firstSeq) ?? [];
      const events = old.filter((message) => message.deleted !== true).map((message) => historyEvent(room, message));
      // A page of deleted messages only is not the end.
      if (events.length > 0 || old.length === 0 || page?.foundNewest) return events;
      position = old.at(-1)!.position;
    }
  }
}

/** The events from the room's last deletion on; all events if it was not deleted. */
function sinceClearing(events: FeedEvent[]): FeedEvent[] {
  const clearing = events.findLastIndex(({ isClearing }) => isClearing);
  return clearing > 0 ? events.slice(clearing) : events;
}

function historyEvent(room: string, message: HistoryMessage): FeedEvent {
  const { position: _position, editedAt: _editedAt, deleted: _deleted, seq, epoch, ...rest } = message;
  return { seq, frame: textFrame({ epoch, seq, type: "message", room, ...rest }), isMessage: true };
}
