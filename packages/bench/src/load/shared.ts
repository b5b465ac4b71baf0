/** What the generator's threads and its owner share: a plan, and memory that each thread writes for itself. */
import { HISTOGRAM_BYTES, Histogram } from "./histogram.ts";
import type { WireName } from "./wires.ts";

export interface LoadPlan {
  readonly wire: WireName;
  /** `host:port` of the servers, used in turn. */
  readonly addresses: readonly string[];
  /** Groups of connections that are in the same rooms. */
  readonly groups: number;
  /** Rooms of each group. */
  readonly roomsPerGroup: number;
  readonly members: number;
  /** Members of each group that publish. */
  readonly publishers: number;
  /** Closed loop: messages that a publisher has outstanding. */
  readonly window: number;
  /** Open loop: messages a second over all publishers; 0: closed loop. */
  readonly rate: number;
  /** Bytes of a message's text. */
  readonly size: number;
  readonly roomPrefix: string;
  /** Position to resume from. */
  readonly after?: string | undefined;
  /** Connections being opened at the same time, over all threads. */
  readonly dialing: number;
}

export const PHASE = { idle: 0, warmUp: 1, measuring: 2, stopped: 3 } as const;

/** Places in a thread's counters. */
export const COUNTER = { delivered: 0, published: 1, opened: 2, failed: 3, errors: 4, twice: 5 } as const;
const COUNTERS = 8;

/** One thread's memory. */
export class Tally {
  readonly memory: SharedArrayBuffer;
  /** Numbers above 2^31, hence no integers; a read in the middle of a run may be a few behind. */
  readonly counters: Float64Array;
  /** From publishing to the arrival at a member, while measuring. */
  readonly latency: Histogram;
  /** From dialling to being in the rooms, with all that was missed. */
  readonly opening: Histogram;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(COUNTERS * 8 + 2 * HISTOGRAM_BYTES)) {
    this.memory = memory;
    this.counters = new Float64Array(memory, 0, COUNTERS);
    this.latency = new Histogram(memory, COUNTERS * 8);
    this.opening = new Histogram(memory, COUNTERS * 8 + HISTOGRAM_BYTES);
  }
}

export interface WorkerData {
  readonly plan: LoadPlan;
  /** Connections of this thread: the first, and the one after the last. */
  readonly from: number;
  readonly to: number;
  readonly threads: number;
  readonly tally: SharedArrayBuffer;
  /** One Int32, a {@link PHASE}. */
  readonly phase: SharedArrayBuffer;
  /** Int32 for each publisher of each group: messages published. */
  readonly sent: SharedArrayBuffer;
}

export type Command = "open" | "start" | "verify" | "close";

/** What a thread found when it compared what came with what was sent. */
export interface Verdict {
  readonly lost: number;
  readonly twice: number;
  /** For each group and number of messages received, the different orders seen, as hashes. */
  readonly orders: ReadonlyMap<string, ReadonlySet<number>>;
}

export interface Answer {
  readonly to: Command;
  /** The first thing that went wrong. */
  readonly problem?: string | undefined;
  readonly verdict?: Verdict;
}
