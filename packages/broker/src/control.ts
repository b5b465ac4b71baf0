import type { Gossip } from "./gossip.ts";
import type { Opening } from "./opening.ts";
import type { Rules } from "./rules.ts";

/** The figures that an edge publishes every few seconds. */
export interface EdgeReport {
  /** The id of the process: one token of a NATS subject. */
  readonly id: string;
  readonly connections: number;
  readonly rooms: number;
  /** Messages that this edge has stored since it started. */
  readonly stored: number;
}

/** What an edge exchanges with moderators and other edges, beside the log, over a connection of its own. */
export interface Control extends Opening {
  /** Complete once {@link Opening.ready} resolves: an edge that admits no client before then admits no banned user. */
  readonly rules: Rules;
  readonly gossip: Gossip;
  /** Publishes figures: at most once, dropped while NATS cannot be reached. */
  report(report: EdgeReport): void;
  /** Idempotent. */
  close(): Promise<void>;
}
