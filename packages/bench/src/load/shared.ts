/** The plan and the memory that the generator shares with its threads. Each thread writes its own memory. */
import { HISTOGRAM_BYTES, Histogram } from "./histogram.ts";
import type { WireName } from "./wires.ts";

export interface LoadPlan {
  readonly wire: WireName;
  /** `host:port` of the servers, used in turn. */
  readonly addresses: readonly string[];
  /** Number of groups. The connections of a group are in the same rooms. */
  readonly groups: number;
  /** Rooms of each group. */
  readonly roomsPerGroup: number;
  readonly members: number;
  /** Members of each group that publish. */
  readonly publishers: number;
  /** Closed loop: number of messages in transit per publisher. */
  readonly window: number;
  /** Open loop: messages per second over all publishers. 0: closed loop. */
  readonly rate: number;
  /** Size of a message's text in bytes. */
  readonly size: number;
  readonly roomPrefix: string;
  /** Position to resume from. */
  readonly after?: string | undefined;
  /** Connections being opened at the same time, over all threads. */
  readonly dialing: number;
}

export const PHASE = { idle: 0, warmUp: 1, measuring: 2, stopped: 3 } as const;

/** Indexes of a thread's counters. */
export const COUNTER = { delivered: 0, published: 1, opened: 2, failed: 3, errors: 4, twice: 5 } as const;
const COUNTERS = 8;

/** The memory of one thread. */
export class Tally {
  readonly memory: SharedArrayBuffer;
  /** Floating point, because counts exceed 2^31. A read during a run may lag by a few. */
  readonly counters: Float64Array;
  /** From publishing to the arrival at a member, while measuring. */
  readonly latency: Histogram;
  /** From connecting to being in the rooms with all missed messages. */
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
  /** Range of this thread's connections: the first, and the one after the last. */
  readonly from: number;
  readonly to: number;
  readonly threads: number;
  readonly tally: SharedArrayBuffer;
  /** One Int32: a {@link PHASE}. */
  readonly phase: SharedArrayBuffer;
  /** Int32 for each publisher of each group: messages published. */
  readonly sent: SharedArrayBuffer;
}

export type Command = "open" | "start" | "verify" | "close";

/** A thread's comparison of received and published messages. */
export interface Verdict {
  readonly lost: number;
  readonly twice: number;
  /** The hashes of the different orders, by group and number of received messages. */
  readonly orders: ReadonlyMap<string, ReadonlySet<number>>;
}

export interface Answer {
  readonly to: Command;
  /** The first problem. */
  readonly problem?: string | undefined;
  readonly verdict?: Verdict;
}
