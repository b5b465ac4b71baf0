/** The log as the edge sees it. Every method states its order and delivery guarantee. */

/** An event as it is stored, with its place. */
export interface LogRecord {
  readonly seq: number;
  /** The JSON of one event, as it was published. */
  readonly data: Uint8Array;
}

/** An event as it comes live. */
export interface LiveRecord extends LogRecord {
  /** Sequence of the room's event before this one; 0 when the log holds none. */
  readonly last: number;
}

/** What the log answered to a publish. */
export interface Stored {
  readonly seq: number;
  readonly epoch: string;
  /** The id was stored before; `seq` is where. */
  readonly duplicate: boolean;
}

/**
 * A sender's way into one room. What is published through one lane is stored in the order of the calls, whatever
 * is killed: after a failure everything from it on is sent again, in order, with the same ids (go-back-N).
 */
export interface Lane {
  /**
   * Stores an event. Resolves only when the log has acknowledged it.
   * @param id recognised by the log for the duplicate window: the same id is stored once
   * @throws ProtocolError `log_full` (nothing was stored), `log_unavailable` (it may be stored: repeat with the same
   *   id), `too_many_pending` (the lane is full)
   */
  publish(id: string, data: Uint8Array): Promise<Stored>;
  /** Publishes that have no answer yet. */
  readonly pending: number;
  /** Sends nothing until {@link resume}: what is published meanwhile waits, no longer than it would for a log that is away. */
  pause(): void;
  resume(): void;
  /** Has everything that has no answer yet fail at once, with `log_unavailable`. */
  abandon(): void;
}

/** What is heard live, until it is ended. */
export interface LiveSubscription {
  unsubscribe(): void;
}

/** A connection to the log. Whatever asks it rejects with ProtocolError `log_unavailable` where it cannot be asked now. */
export interface Log {
  /** The name of the log's present life; changes when the log was made anew. */
  readonly epoch: string;
  /** Whether the log can be reached now. */
  readonly connected: boolean;
  /** Why nothing can be stored now, for operators, as of the last look; `undefined` when all is well. */
  readonly trouble: string | undefined;
  /** The oldest sequence that the log still holds, as of the last look (at most one audit ago). */
  readonly firstSeq: number;

  /** Settings that somebody has given the stream, and by which it breaks its promise, in words; as of the last look. */
  readonly unsafeSettings: readonly string[];

  /** The newest sequence of any room that this process knows of. A position above it may be one that it has yet to hear of: ask {@link checkEpoch}. */
  readonly lastSeq: number;

  /**
   * @param sender whoever takes up the way into a room again, while something of theirs is under way there, gets the
   *   lane that they had: their order goes on. Absent: somebody who says one thing only.
   */
  lane(room: string, sender?: string): Lane;

  /**
   * Live events of a room, in the log's order, at most once: some may be missing (compare `last`), and the tail may
   * be missing without a trace (audit with `heads`). The server knows of it when {@link subscribed} resolves.
   */
  subscribe(room: string, onRecord: (record: LiveRecord) => void): LiveSubscription;

  /**
   * Sends a message that no log keeps to every {@link subscribeTransient} of the room: at most once, in no order with
   * the room's events. Dropped while NATS cannot be reached.
   */
  publishTransient(room: string, data: Uint8Array): void;
  subscribeTransient(room: string, onMessage: (data: Uint8Array) => void): LiveSubscription;

  /** For all subscriptions made so far: whatever is stored from then on is sent, or visible to `heads` and `replay`. */
  subscribed(): Promise<void>;

  /** The newest sequence of each room, 0 for an empty one. May be behind what is acknowledged elsewhere; never ahead. */
  heads(rooms: readonly string[]): Promise<Map<string, number>>;

  /**
   * Stored events of a room from `fromSeq` on, ascending, at most `limit` of them. Fewer than `limit` proves nothing
   * about the end: go on until a known head is reached.
   */
  replay(room: string, fromSeq: number, limit: number): Promise<LogRecord[]>;

  /** The log's identity, asked anew; makes the log where there is none. Calls `onEpoch` if it changed. */
  checkEpoch(): Promise<string>;

  /** Called after each reconnect, when live events may have been missed. */
  onReconnect(listener: () => void): void;
  /** Called when the log turned out to be another one: every sequence known before is void. */
  onEpoch(listener: (epoch: string) => void): void;

  /** Waits for the publishes under way, up to `limitMs`, then closes. Idempotent. */
  close(limitMs: number): Promise<void>;
}
