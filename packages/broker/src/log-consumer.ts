import type { NatsSettings } from "./connect.ts";
import type { FoundLog } from "./durable.ts";
import type { OnFailure, Opening } from "./opening.ts";
import type { LogSettings } from "./stream-config.ts";

/** An event of the log on its way into the store. */
export interface ConsumedRecord {
  /** The room that the subject names; `undefined` when the subject is not one of a room. */
  readonly room: string | undefined;
  readonly subject: string;
  readonly epoch: string;
  readonly seq: number;
  readonly data: Uint8Array;
  /** How often this record was delivered: 1 the first time. */
  readonly deliveries: number;
}

/**
 * Writes a batch into the store. When it resolves, the batch is acknowledged and never delivered again: everything in it
 * must be durable by then. When it rejects, the batch is delivered again, to this instance or another.
 * @param isOurs false once this process stood still for so long that the batch went to another instance. What it has not
 *   written by then may have been written there, and erased since
 */
export type Project = (records: readonly ConsumedRecord[], isOurs: () => boolean) => Promise<void>;

/** The log as persistence sees it: every event at least once, to one of the instances that share the consumer. */
export interface LogConsumer extends Opening {
  /**
   * Delivers every event of the log to `project`, at least once, in batches, two of them at a time and in no particular
   * order. Survives restarts of NATS, the loss of the consumer and of the whole log (it creates them anew, with a new
   * epoch), and outages of any length on both sides. {@link Opening.ready} resolves when the first fetch begins.
   */
  start(project: Project): void;

  /**
   * Asks `accept` about the log once more before it fetches anything else. Records that wait are given back.
   * @param why for operators
   */
  recheckLog(why: string): void;

  /**
   * The place up to which every event of this epoch has been projected, by any instance: a true lower bound, never a guess.
   * `head` is a lower bound of the log's last sequence.
   * @throws when the log cannot be asked now
   */
  ackFloor(): Promise<{ readonly epoch: string; readonly seq: number; readonly head: number }>;

  /**
   * Stops fetching, waits for the batches in hand for up to `limitMs`, gives the rest back, and closes. Idempotent.
   */
  close(limitMs: number): Promise<void>;
}

export interface ConsumerSettings {
  readonly nats: NatsSettings;
  readonly log: LogSettings;
  /** Asked whenever the log is found, before anything of it is fetched. When it rejects, it is asked again later. */
  readonly accept?: (log: FoundLog) => Promise<void>;
  readonly onFailure: OnFailure;
}
