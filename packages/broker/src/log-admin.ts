import type { LogEvent, Rule } from "@madang/protocol";
import type { EdgeReport } from "./control.ts";
import type { SubjectRecord } from "./direct-get.ts";
import type { Opening } from "./opening.ts";
import type { Rules } from "./rules.ts";
import type { StreamIdentity } from "./stream-config.ts";

/**
 * What only moderators may do to the log and the rules: the NATS role `admin`. Every method rejects while NATS cannot be
 * reached.
 */
export interface LogAdmin extends Opening {
  /** Empty until {@link Opening.ready} resolves, then complete. Listeners are also called for each rule that is read before. */
  readonly rules: Rules;

  /**
   * Replaces a rule by the result of `next`. When it resolves, the rule is stored and on its way to every edge. Of two
   * changes at the same time neither is lost: `next` may be called again with the result of the other one.
   * @throws ProtocolError `conflict` when others changed the rule at each of five attempts
   */
  change<R extends Rule>(of: R, next: (current: R) => R): Promise<void>;

  /**
   * Stores an event in its room's log.
   * @param id the log stores an id once: a repeat within its duplicate window (2 min) has no effect
   */
  publish(event: LogEvent, id: string): Promise<{ readonly seq: number }>;

  /** The log's identity now. Creates the log where there is none. */
  log(): Promise<StreamIdentity>;

  /**
   * Gives the log a new epoch if it ends before a place that it had reached, as a restored copy does. All edges and clients
   * are then told, as when a log is created. With a sequence of `Infinity` a log of that epoch always gets a new one.
   * @returns whether the log got a new epoch
   */
  renewLog(reached: { readonly epoch: string; readonly seq: number }): Promise<boolean>;

  /** Makes persistence read the log of this epoch again, from its beginning. */
  rereadLog(epoch: string): Promise<void>;

  /**
   * Events of a room, or of all rooms, from `seq` on, ascending, at most 500 and about 1 MiB. An empty answer says nothing
   * about events that were stored a moment ago.
   */
  scan(room: string | undefined, seq: number): Promise<SubjectRecord[]>;

  /** The event with that sequence; `undefined` once it is gone. */
  at(seq: number): Promise<SubjectRecord | undefined>;

  /** Takes an event out of the log and overwrites its bytes. Does nothing when it is gone already. */
  erase(seq: number): Promise<void>;

  /** The last report of each edge that has reported within 12 s. */
  edges(): readonly EdgeReport[];

  /** Idempotent. */
  close(): Promise<void>;
}
