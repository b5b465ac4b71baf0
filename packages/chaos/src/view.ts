import { hash } from "node:crypto";
import { parsePosition } from "@madang/protocol";

/** A message as it was received or stored. */
export interface MessageRecord {
  readonly epoch: string;
  readonly seq: number;
  readonly user: string;
  readonly nonce: string;
  readonly message: string;
}

/** Longer texts are reduced to their beginning and a hash, because the members of a busy room receive gigabytes. */
const KEPT_LENGTH = 40;

/** Reduces a message to the form in which it is compared. */
export function keep({
  epoch,
  seq,
  user,
  nonce = "",
  message,
}: Omit<MessageRecord, "nonce"> & { nonce?: string }): MessageRecord {
  if (message.length <= 2 * KEPT_LENGTH) return { epoch, seq, user, nonce, message };
  // By way of bytes, because a slice of a string keeps the whole string in memory.
  const beginning = Buffer.from(message.slice(0, KEPT_LENGTH)).toString();
  return { epoch, seq, user, nonce, message: beginning + hash("sha1", message) };
}

/** An unbroken part of a view: it must contain every message of `epoch` after `after`, in order. */
export interface Segment {
  readonly epoch: string;
  readonly after: number;
  readonly received: MessageRecord[];
}

/** The messages of one room that one member received, in order of arrival. */
export class View {
  readonly member: string;
  readonly room: string;
  readonly segments: Segment[] = [];
  /** Recoveries that the server refused. Only some scenarios expect that. */
  refused = 0;
  #lastAt = 0;
  #longestMs = 0;
  #measuring = false;

  constructor(member: string, room: string) {
    this.member = member;
    this.room = room;
  }

  /** F2: without `recovered` the messages received before do not continue. */
  joined(epoch: string, position: string, recovered: boolean): void {
    const current = this.segments.at(-1);
    if (current && !recovered) this.refused++;
    if (current && recovered && current.epoch === epoch) return;
    this.segments.push({ epoch, after: parsePosition(position)?.seq ?? 0, received: [] });
  }

  event(message: MessageRecord): void {
    if (this.#measuring) this.#note(performance.now());
    this.segments.at(-1)?.received.push(keep(message));
  }

  /** The position of the last message, from which to resume. */
  get position(): string | undefined {
    const current = this.segments.at(-1);
    return current && `${current.epoch}.${current.received.at(-1)?.seq ?? current.after}`;
  }

  /** Starts to measure stalls: until {@link stopWatch} there is load, so a time without a message is a stall. */
  startWatch(): void {
    this.#measuring = true;
    this.#lastAt = performance.now();
    this.#longestMs = 0;
  }

  /** @returns the longest time without a message, in ms */
  stopWatch(): number {
    if (this.#measuring) this.#note(performance.now());
    this.#measuring = false;
    return this.#longestMs;
  }

  #note(now: number): void {
    this.#longestMs = Math.max(this.#longestMs, now - this.#lastAt);
    this.#lastAt = now;
  }
}
