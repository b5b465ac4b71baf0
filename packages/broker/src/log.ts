import type { Opening } from "./opening.ts";

/** A stored event with its sequence. */
export interface LogRecord {
  readonly seq: number;
  /** The JSON of one event, byte for byte as it was published. */
  readonly data: Uint8Array;
}

/** An event as it arrives live. */
export interface LiveRecord extends LogRecord {
  /** The sequence of the room's event before this one; 0 when the log holds none. */
  readonly last: number;
}

/** The log's acknowledgement of a publish. */
export interface Stored {
  readonly seq: number;
  readonly epoch: string;
  /** Another call stored this event before, at `seq`. Of several calls with one id, exactly one has `false`. */
  readonly duplicate: boolean;
}

/**
 * A sender's path into one room. Events that are published through one lane are stored in the order of the calls, whatever
 * is killed: after a failure the lane sends everything from the failed event on again, in order, with the same ids
 * (go-back-N).
 */
export interface Lane {
  /**
   * Stores an event. Resolves only when the log has acknowledged it.
   * @param id the log stores an id once within its duplicate window
   * @throws ProtocolError `log_full` (nothing was stored), `log_unavailable` (it may be stored: repeat with the same id),
   *   `conflict` (the id belongs to an event with another content), `text_too_long` (the log refuses events of that size)
   *   or `too_many_pending` (4,096 events of this lane have no acknowledgement)
   */
  publish(id: string, data: Uint8Array): Promise<Stored>;
  /** Published events that have no acknowledgement yet. */
  readonly pending: number;
  /** Sends nothing until {@link resume}. Events published meanwhile wait, no longer than the 20 s for a log that is away. */
  pause(): void;
  resume(): void;
  /** Rejects every publish that has no acknowledgement yet with `log_unavailable`. */
  abandon(): void;
}

/** A live subscription. */
export interface LiveSubscription {
  /** Idempotent. No message is delivered after it. */
  unsubscribe(): void;
}

/**
 * The log as an edge sees it. While the log cannot be asked, and until {@link Opening.ready} resolves, every method that
 * asks it throws or rejects with ProtocolError `log_unavailable`.
 */
export interface Log extends Opening {
  /** The name of the log's present life. Changes when the log was created anew or restored. Empty until the log is known. */
  readonly epoch: string;
  /** The oldest sequence that the log still holds, as of the last look (at most one audit ago). */
  readonly firstSeq: number;
  /**
   * The newest sequence of any room that this process knows. A position above it may still exist: ask {@link checkEpoch}.
   */
  readonly lastSeq: number;
  /** Settings of the stream under which the log may lose what it acknowledged, in words, as of the last look. */
  readonly unsafeSettings: readonly string[];

  /**
   * @param sender a sender that comes back while it has unacknowledged events in the room gets the same lane again, so
   *   that its order holds across its connections. Absent: a lane of its own, for a single message.
   */
  lane(room: string, sender?: string): Lane;

  /**
   * Delivers live events of a room, in the log's order, at most once. Some may be missing (compare `last`), and the newest
   * may be missing without a trace (compare `heads`). The server knows of the subscription when {@link subscribed} resolves.
   */
  subscribe(room: string, onRecord: (record: LiveRecord) => void): LiveSubscription;

  /**
   * Sends a message that no log keeps to every {@link subscribeTransient} of the room: at most once, in no order with
   * the room's events. Dropped while NATS cannot be reached.
   */
  publishTransient(room: string, data: Uint8Array): void;
  subscribeTransient(room: string, onMessage: (data: Uint8Array) => void): LiveSubscription;

  /**
   * Resolves when the server knows of all subscriptions made so far: each event stored from then on is delivered, or
   * visible to `heads` and `replay`.
   */
  subscribed(): Promise<void>;

  /** The newest sequence of each room, 0 for an empty one. May lag behind acknowledgements on other edges; never ahead. */
  heads(rooms: readonly string[]): Promise<Map<string, number>>;

  /**
   * Stored events of a room from `fromSeq` on, ascending, at most `limit` of them. Fewer than `limit` proves nothing about
   * the end: continue until a known head is reached.
   */
  replay(room: string, fromSeq: number, limit: number): Promise<LogRecord[]>;

  /** Asks for the log's identity, and creates the log where there is none. Calls `onEpoch` if the epoch changed. @returns the epoch */
  checkEpoch(): Promise<string>;

  /** Called after each reconnect, when live events may have been missed. */
  onReconnect(listener: () => void): void;
  /** Called when the log is another one than before: every sequence known so far is void. */
  onEpoch(listener: (epoch: string) => void): void;

  /** Waits for unacknowledged publishes for up to `limitMs`, then closes. Idempotent. */
  close(limitMs: number): Promise<void>;
}
