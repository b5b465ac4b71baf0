import { hash } from "node:crypto";
import { parsePosition } from "@madang/protocol";

/** A message as somebody was told of it. */
export interface Told {
  readonly epoch: string;
  readonly seq: number;
  readonly user: string;
  readonly nonce: string;
  readonly message: string;
}

/** A longer text is kept by its beginning and its hash: ten members of a room in full flow are told gigabytes. */
const KEPT_LENGTH = 40;

/** A message as it is kept, to be compared with what others were told. */
export function keep({ epoch, seq, user, nonce = "", message }: Omit<Told, "nonce"> & { nonce?: string }): Told {
  if (message.length <= 2 * KEPT_LENGTH) return { epoch, seq, user, nonce, message };
  // Through bytes: a slice of a string holds on to all of it.
  const beginning = Buffer.from(message.slice(0, KEPT_LENGTH)).toString();
  return { epoch, seq, user, nonce, message: beginning + hash("sha1", message) };
}

/** What came without a break: everything of `epoch` after `after` is to be in it, in order. */
export interface Segment {
  readonly epoch: string;
  readonly after: number;
  readonly told: Told[];
}

/** What one member was told of one room, in the order in which it was. */
export class View {
  readonly member: string;
  readonly room: string;
  readonly segments: Segment[] = [];
  /** Recoveries that the server refused, which is right only where a scenario asks for it. */
  refused = 0;
  #lastAt = 0;
  #longestMs = 0;
  #measuring = false;

  constructor(member: string, room: string) {
    this.member = member;
    this.room = room;
  }

  /** F2. Without `recovered` in the same epoch, what was told before no longer goes on. */
  joined(epoch: string, position: string, recovered: boolean): void {
    const current = this.segments.at(-1);
    if (current && !recovered) this.refused++;
    if (current && recovered && current.epoch === epoch) return;
    this.segments.push({ epoch, after: parsePosition(position)?.seq ?? 0, told: [] });
  }

  event(told: Told): void {
    if (this.#measuring) this.#note(performance.now());
    this.segments.at(-1)?.told.push(keep(told));
  }

  /** The last message told, as a position to come back to. */
  get position(): string | undefined {
    const current = this.segments.at(-1);
    return current && `${current.epoch}.${current.told.at(-1)?.seq ?? current.after}`;
  }

  /** From here to {@link stopWatch} there is load: a time without a message is a stall. */
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
