import { ProtocolError } from "@madang/protocol";
import type { Lane, Stored } from "./log.ts";

/** One event on its way into the log. */
export interface Flight {
  readonly lane: SenderLane;
  readonly id: string;
  readonly data: Uint8Array;
  readonly enqueuedAt: number;
  readonly resolve: (stored: Stored) => void;
  readonly reject: (error: ProtocolError) => void;
  /** Names this flight in the log, so that a repeat recognises its own first attempt. */
  mark: string;
  token: string;
  sentAt: number;
  /** The attempt failed. The lane repeats it once all attempts behind it have an outcome. */
  failed: boolean;
}

/** Why one attempt to publish did not store its event. */
export type Outcome = "refused-full" | "refused-size" | "conflict" | "failed";

/** What a lane needs of the publisher. */
export interface LaneHost {
  readonly connected: boolean;
  /** Whether messages reach the log in the order of sending, and the loss of one loses all that follow. */
  readonly keepsOrder: boolean;
  send(subject: string, flight: Flight): void;
  forget(flight: Flight): void;
  busy(lane: SenderLane, isBusy: boolean): void;
}

const WINDOW = 32;
/**
 * How many events of one sender may wait in one room. The edge stops reading from a client long before. Frames that it has
 * already read, up to a network buffer of small ones, must fit.
 */
const MAX_PENDING = 4096;
/**
 * How long an event may wait for the log. It is well below the log's duplicate window (2 min), so that the log recognises
 * a repeat by the lane and another one by the client after the error.
 */
const PATIENCE_MS = 20_000;
const RETRY_DELAY_MS = 100;
const CONFLICT = "This nonce belongs to another message. Send this one with a new nonce.";

/**
 * Keeps a sender's order by go-back-N. With a single server up to 32 events are in flight: one connection to the one server
 * that has the log keeps their order. In a cluster it is one event. Messages on their way to a server that has lost the
 * leadership of the log are lost, and messages sent some seconds later are not, so a later event would be stored first.
 *
 * When an attempt fails, the lane sends nothing new. Once all attempts behind it have an outcome, the lane goes back to the
 * first event without an acknowledgement and continues from there, one at a time until one succeeds. Separate retries
 * within a wide window would change the order of a sender's messages.
 *
 * One exception remains: a log that has just become full and refuses an event may have room for a smaller one that was in
 * flight with it.
 */
export class SenderLane implements Lane {
  readonly #host: LaneHost;
  readonly #subject: string;
  readonly #sender: string | undefined;
  #key: string | SenderLane | undefined;
  /** Sent and without an outcome, in order. */
  #flying: Flight[] = [];
  /** Not sent yet, in order. */
  #waiting: Flight[] = [];
  #window = WINDOW;
  #failed = false;
  /** The log refused an event as full, and those in flight were sent before: their success does not show that there is room. */
  #refused = false;
  #paused = false;
  #retry: NodeJS.Timeout | undefined;

  constructor(host: LaneHost, subject: string, sender: string | undefined) {
    this.#host = host;
    this.#subject = subject;
    this.#sender = sender;
  }

  /** The key of the lane while it is busy. Computed only when a message is published. */
  get key(): string | SenderLane {
    this.#key ??= this.#sender === undefined ? this : `${this.#sender} ${this.#subject}`;
    return this.#key;
  }

  get pending(): number {
    return this.#flying.length + this.#waiting.length;
  }

  publish(id: string, data: Uint8Array): Promise<Stored> {
    if (this.pending >= MAX_PENDING) return Promise.reject(new ProtocolError("too_many_pending", { retryAfter: 1 }));
    return new Promise((resolve, reject) => {
      if (this.pending === 0) this.#host.busy(this, true);
      const enqueuedAt = performance.now();
      this.#waiting.push({
        lane: this,
        id,
        data,
        enqueuedAt,
        resolve,
        reject,
        mark: "",
        token: "",
        sentAt: 0,
        failed: false,
      });
      this.#pump();
    });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#pump();
  }

  /** To be called with the outcome of one attempt. */
  settle(flight: Flight, result: Stored | Outcome): void {
    if (typeof result === "object") {
      this.#remove(flight);
      if (!this.#refused) this.#window = WINDOW;
      flight.resolve(result);
    } else if (result === "failed") {
      flight.failed = true;
      this.#failed = true;
    } else if (result === "refused-size") {
      this.#remove(flight);
      flight.reject(new ProtocolError("text_too_long"));
    } else if (result === "conflict") {
      this.#remove(flight);
      flight.reject(new ProtocolError("conflict", { message: CONFLICT }));
    } else {
      // Full: events that wait behind must not be stored before this one, should there be room again in a moment.
      this.#remove(flight);
      this.#window = 1;
      this.#refused = true;
      const refused = [flight, ...this.#waiting];
      this.#waiting = [];
      for (const each of refused) each.reject(new ProtocolError("log_full", { retryAfter: 1 }));
    }
    this.#afterChange();
  }

  /** Sends every unacknowledged event again, as on a new connection. */
  restart(): void {
    this.#goBack();
    this.#pump();
  }

  /** Abandons all events once the oldest has waited for 20 s. All of them, so that none is stored before an earlier one. */
  expire(now: number): void {
    const oldest = this.#flying[0] ?? this.#waiting[0];
    if (oldest && now - oldest.enqueuedAt > PATIENCE_MS) this.abandon();
  }

  abandon(): void {
    const all = [...this.#flying, ...this.#waiting];
    this.#flying = [];
    this.#waiting = [];
    this.#failed = false;
    this.#refused = false;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (const flight of all) {
      this.#host.forget(flight);
      flight.reject(new ProtocolError("log_unavailable", { retryAfter: 1 }));
    }
    this.#host.busy(this, false);
  }

  #pump(): void {
    if (this.#paused) return;
    const window = this.#host.keepsOrder ? this.#window : 1;
    while (!this.#failed && this.#waiting.length > 0 && this.#flying.length < window && this.#host.connected) {
      const flight = this.#waiting.shift()!;
      this.#flying.push(flight);
      flight.failed = false;
      this.#host.send(this.#subject, flight);
    }
  }

  #afterChange(): void {
    if (this.#flying.length === 0) this.#refused = false;
    if (this.pending === 0) this.#host.busy(this, false);
    if (!this.#failed) this.#pump();
    else if (this.#retry === undefined && this.#flying.every((flight) => flight.failed)) {
      this.#retry = setTimeout(() => this.restart(), RETRY_DELAY_MS);
    }
  }

  #goBack(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (const flight of this.#flying) this.#host.forget(flight);
    this.#waiting = [...this.#flying, ...this.#waiting];
    this.#flying = [];
    this.#failed = false;
    this.#refused = false;
    this.#window = 1;
  }

  #remove(flight: Flight): void {
    const index = this.#flying.indexOf(flight);
    if (index >= 0) this.#flying.splice(index, 1);
  }
}
