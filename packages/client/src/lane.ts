import type { Clock } from "./clock.ts";
import type { MadangError } from "./errors.ts";
import type { Send, SendResult } from "./outbox.ts";
import { backoff, HINT_CAP_MS } from "./reconnect.ts";

/** Sends on the way at once. The server's answers come in no time where the log is well; this covers a round trip. */
const WINDOW = 32;
/** While the oldest has no answer for this long, new ones are held: piling up more only makes a repeat longer. */
const STALL_MS = 5_000;
/** No answer for this long on a live connection counts as a failure. */
const ANSWER_MS = 30_000;
/** After a failure, how long the answers of what else is on the way are waited for. */
const SETTLE_MS = 5_000;

export interface LaneDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** The room's unanswered sends as they are now, oldest first. */
  queue(): readonly Send[];
  transmit(send: Send): void;
  /** The oldest send has had no answer for {@link STALL_MS}: is the connection alive at all? */
  stalled(): void;
  /** Must take the send out of the queue. */
  sent(send: Send, result: SendResult): void;
  /** Must take the send out of the queue. */
  failed(send: Send, error: MadangError): void;
}

/**
 * A sender's way into one room: in order, with a window, by go-back-N. After a failure nothing goes out until what is
 * on the way has been answered (or {@link SETTLE_MS} has passed); then everything unanswered is sent again in order
 * with the same nonces, one at a time until the first answer. So the room's order is the order of the calls as
 * long as the server, too, lets nothing of a sender pass that comes after something it could not store.
 *
 * Temporary errors are retried without end: the caller sees them as a send that stays pending.
 */
export class Lane {
  readonly #deps: LaneDeps;
  #open = false;
  /** Sends allowed on the way; 0 after a failure. */
  #window = 1;
  /**
   * Nonces on the way and when they went out, oldest first. While the window is open they are the head of the queue,
   * so the next to go is the one at index `size`.
   */
  readonly #onTheWay = new Map<string, number>();
  #failures = 0;
  #restAt = 0;
  #settleAt = 0;
  #watched: string | undefined;
  #cancel = () => {};

  constructor(deps: LaneDeps) {
    this.#deps = deps;
  }

  /** The room is joined on a connection: begins with the oldest send. Without effect on an open lane. */
  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#restart();
  }

  /** The connection is gone or the room was left: no answer comes any more. No timer remains. */
  close(): void {
    this.#open = false;
    this.#onTheWay.clear();
    this.#clearTimer();
  }

  /** Something was added to the queue. */
  pump(): void {
    if (!this.#open || this.#window === 0) return;
    const now = this.#deps.clock.now();
    const [oldest] = this.#onTheWay.values();
    if (oldest === undefined || now - oldest < STALL_MS) {
      for (let send = this.#next(); send; send = this.#next()) {
        this.#onTheWay.set(send.nonce, now);
        this.#deps.transmit(send);
      }
    }
    this.#watchOldest(now);
  }

  /** The server stored it. An answer to an earlier try is as good as one to the last. */
  ack(result: SendResult): void {
    const send = this.#find(result.nonce);
    if (!send) return;
    this.#failures = 0;
    this.#onTheWay.delete(send.nonce);
    this.#deps.sent(send, result);
    this.#answered();
  }

  /** The server refused it, for now or for good. */
  error(nonce: string, error: MadangError): void {
    const send = this.#find(nonce);
    if (!send) return;
    this.#onTheWay.delete(nonce);
    if (error.temporary) {
      this.#goBack(error.retryAfter);
    } else {
      this.#deps.failed(send, error);
      this.#answered();
    }
  }

  /**
   * The room's log shows a send that went out on an earlier connection, whose ack was lost with it. Sending it again
   * could store it twice when that was longer ago than the log remembers ids. On an open lane every send waits for
   * the answer to its own try: a server that refused one may let nothing pass until it comes again.
   */
  seenInLog(result: SendResult): void {
    if (!this.#open) this.ack(result);
  }

  #find(nonce: string): Send | undefined {
    return this.#deps.queue().find((send) => send.nonce === nonce);
  }

  #next(): Send | undefined {
    return this.#onTheWay.size < this.#window ? this.#deps.queue()[this.#onTheWay.size] : undefined;
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
    this.#onTheWay.clear();
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
      // A server's hint replaces the growth of the back-off, not its jitter.
      this.#restAt = now + hintMs + backoff(retryAfter === undefined ? this.#failures : 0, random);
      this.#failures++;
    } else {
      this.#restAt = Math.max(this.#restAt, now + hintMs);
    }
    this.#waitToRestart();
  }

  #waitToRestart(): void {
    const at = this.#onTheWay.size === 0 ? this.#restAt : Math.max(this.#restAt, this.#settleAt);
    this.#clearTimer();
    this.#cancel = this.#deps.clock.after(Math.max(0, at - this.#deps.clock.now()), () => this.#restart());
  }

  #watchOldest(now: number): void {
    const [oldest] = this.#onTheWay;
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
