import type { Child } from "@madang/local-stack";
import type { WireName } from "../load/wires.ts";

/** A system to measure. */
export interface Peer {
  readonly name: PeerName;
  /** Its name in the tables. */
  readonly title: string;
  readonly wire: WireName;
  /** Starts all of its processes with empty stores. @throws MissingError */
  start(options?: StartOptions): Promise<System>;
}

export type PeerName = "madang" | "madang-plain" | "centrifugo" | "socketio" | "tutorial" | "relay";

export interface StartOptions {
  /** Number of edges. Only Madang supports more than one. */
  readonly edges?: number;
  /** Rooms of the load, for a system that must create rooms first. */
  readonly rooms?: readonly string[];
}

/** A running system. */
export interface System {
  /** `host:port` of each server for clients. */
  readonly addresses: readonly string[];
  /** All server processes, including the broker and the databases. */
  readonly processes: readonly Child[];
  /** The number of messages in its database. Absent: it has none. */
  readonly stored?: () => Promise<number>;
  stop(): Promise<void>;
}

/** A peer is not installed. The message says how to install it. */
export class MissingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MissingError";
  }
}

/** The processes of a system. They stop in the reverse order of their start. */
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
