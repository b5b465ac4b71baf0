import { contentOf } from "@madang/protocol/browser";
import type { Clock } from "./clock.ts";
import type { MadangError } from "./errors.ts";
import type { Send, SendResult } from "./outbox.ts";
import { backoff, HINT_CAP_MS } from "./reconnect.ts";

/** Sends in flight at once. A healthy log answers within a few milliseconds, so this covers a network round trip. */
const WINDOW = 32;
/** No new sends while the oldest in flight waits for longer than this: each would make a repeat longer. */
const STALL_MS = 5_000;
/** A send without an answer for this long on a live connection has failed. */
const ANSWER_MS = 30_000;
/** After a failure, how long the lane waits for the answers to the other sends in flight. */
const SETTLE_MS = 5_000;

export interface LaneDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** The room's pending sends, oldest first. */
  queue(): readonly Send[];
  transmit(send: Send): void;
  /** The oldest send has had no answer for {@link STALL_MS}: the connection may be dead. */
  stalled(): void;
  /** Must remove the send from the queue. */
  sent(send: Send, result: SendResult): void;
  /** Must remove the send from the queue. */
  failed(send: Send, error: MadangError): void;
}

/**
 * Sends into one room, in order, with a window and go-back-N. After a failure, the lane waits for the answers to the
 * sends in flight, at most {@link SETTLE_MS}. Then it sends every unanswered message again, in order and with the same
 * nonces, one at a time until the first answer. The room's order is the order of the calls, because the server stores
 * nothing of a sender behind a send that it could not store.
 *
 * The lane retries temporary errors without end. For the caller, the send stays pending.
 */
export class Lane {
  readonly #deps: LaneDeps;
  #open = false;
  /** Sends allowed in flight. 0 after a failure. */
  #window = 1;
  /**
   * Nonces in flight with their send times, oldest first. While the window is open they are the head of the queue, so the
   * next send is the one at index `size`.
   */
  readonly #inFlight = new Map<string, number>();
  #failures = 0;
  #restAt = 0;
  #settleAt = 0;
  #watched: string | undefined;
  #cancel = () => {};

  constructor(deps: LaneDeps) {
    this.#deps = deps;
  }

  /** The room is joined: starts with the oldest send. It has no effect on an open lane. */
  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#restart();
  }

  /** The connection is lost or the client left the room: no answer can arrive. No timer remains. */
  close(): void {
    this.#open = false;
    this.#inFlight.clear();
    this.#clearTimer();
  }

  /** A send was added to the queue. */
  pump(): void {
    if (!this.#open || this.#window === 0) return;
    const now = this.#deps.clock.now();
    const [oldest] = this.#inFlight.values();
    if (oldest === undefined || now - oldest < STALL_MS) {
      for (let send = this.#next(); send; send = this.#next()) {
        this.#inFlight.set(send.nonce, now);
        this.#deps.transmit(send);
      }
    }
    this.#watchOldest(now);
  }

  /** The server stored the message. The answer to an earlier attempt counts, too. */
  ack(result: SendResult): void {
    const send = this.#find(result.nonce);
    if (!send) return;
    this.#failures = 0;
    this.#inFlight.delete(send.nonce);
    this.#deps.sent(send, result);
    this.#answered();
  }

  /** The server refused the send, temporarily or for good. */
  error(nonce: string, error: MadangError): void {
    const send = this.#find(nonce);
    if (!send) return;
    this.#inFlight.delete(nonce);
    if (error.temporary) {
      this.#goBack(error.retryAfter);
    } else {
      this.#deps.failed(send, error);
      this.#answered();
    }
  }

  /**
   * The log contains a send of an earlier connection, which lost the acknowledgement. A repeat could be stored twice if
   * the first attempt is older than the log's duplicate window. On an open lane each send waits for its own answer: a
   * server that refused one stores nothing behind it until it is repeated.
   * @param content of the event in the log. A send with another content is another message, and stays pending
   */
  seenInLog(result: SendResult, content: string): void {
    const send = this.#open ? undefined : this.#find(result.nonce);
    if (send && contentOf(JSON.parse(send.frame) as object) === content) this.ack(result);
  }

  #find(nonce: string): Send | undefined {
    return this.#deps.queue().find((send) => send.nonce === nonce);
  }

  #next(): Send | undefined {
    return this.#inFlight.size < this.#window ? this.#deps.queue()[this.#inFlight.size] : undefined;
  }

  #answered(): void {
    if (!this.#open) return;
    if (this.#window === 0) this.#waitToRestart();
    else {
      this.#window = WINDOW;
      this.pump();
    }
  }

  #restart(): void {
    this.#inFlight.clear();
    this.#clearTimer();
    this.#window = 1;
    this.pump();
  }

  #goBack(retryAfter: number | undefined): void {
    if (!this.#open) return;
    const { clock, random } = this.#deps;
    const now = clock.now();
    const hintMs = Math.min((retryAfter ?? 0) * 1000, HINT_CAP_MS);
    if (this.#window > 0) {
      this.#window = 0;
      this.#settleAt = now + SETTLE_MS;
      // A server's hint replaces the growth of the backoff, not its jitter.
      this.#restAt = now + hintMs + backoff(retryAfter === undefined ? this.#failures : 0, random);
      this.#failures++;
    } else {
      this.#restAt = Math.max(this.#restAt, now + hintMs);
    }
    this.#waitToRestart();
  }

  #waitToRestart(): void {
    const at = this.#inFlight.size === 0 ? this.#restAt : Math.max(this.#restAt, this.#settleAt);
    this.#clearTimer();
    this.#cancel = this.#deps.clock.after(Math.max(0, at - this.#deps.clock.now()), () => this.#restart());
  }

  #watchOldest(now: number): void {
    const [oldest] = this.#inFlight;
    if (oldest?.[0] === this.#watched) return;
    this.#clearTimer();
    if (!oldest) return;
    const [nonce, since] = oldest;
    const { clock } = this.#deps;
    const age = now - since;
    this.#watched = nonce;
    this.#cancel = clock.after(Math.max(0, STALL_MS - age), () => {
      this.#cancel = clock.after(Math.max(0, ANSWER_MS - Math.max(age, STALL_MS)), () => this.#goBack(undefined));
      this.#deps.stalled();
    });
  }

  #clearTimer(): void {
    this.#cancel();
    this.#watched = undefined;
  }
}
