import type { Child } from "@madang/local-stack";
import type { WireName } from "../load/wires.ts";

/** A system that is measured. */
export interface Peer {
  readonly name: PeerName;
  /** As it stands in a table. */
  readonly title: string;
  readonly wire: WireName;
  /** Starts all of it, anew and empty. @throws MissingError */
  start(options?: StartOptions): Promise<System>;
}

export type PeerName = "madang" | "madang-plain" | "centrifugo" | "socketio" | "tutorial" | "relay";

export interface StartOptions {
  /** Processes that take connections. Only ours has more than one. */
  readonly edges?: number;
  /** Rooms that will be used, for a system in which they must be made first. */
  readonly rooms?: readonly string[];
}

/** A system that runs. */
export interface System {
  /** `host:port` where clients connect. */
  readonly addresses: readonly string[];
  /** All server processes, the broker and the databases among them. */
  readonly processes: readonly Child[];
  /** How many messages its database holds; absent: it has none. */
  readonly stored?: () => Promise<number>;
  stop(): Promise<void>;
}

/** Something to measure is not installed. Its message says how to get it. */
export class MissingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MissingError";
  }
}

/** Starts things one after the other; when one of them fails, or at the end, stops them in the opposite order. */
export class Processes {
  readonly started: Child[] = [];

  async add(starting: Promise<Child>): Promise<Child> {
    try {
      const child = await starting;
      this.started.push(child);
      return child;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    for (const child of this.started.toReversed()) await child.stop();
  }
}
