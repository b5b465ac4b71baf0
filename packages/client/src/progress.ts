import {
  type EventFrame,
  formatPosition,
  type JoinedFrame,
  type Position,
  parsePosition,
} from "@madang/protocol/browser";

/** How many nonces are remembered to recognise an event that was stored twice. */
const SEEN_NONCES = 512;

/** How far a room has been told, across connections: so that each of its events is told once, and none is left out in silence. */
export class Progress {
  #position: Position | undefined;
  readonly #seen = new Set<string>();

  constructor(after: Position | undefined) {
    this.#position = after;
  }

  /** Of the last event told, or from where the server said that it goes on. */
  get position(): string | undefined {
    return this.#position && formatPosition(this.#position.epoch, this.#position.seq);
  }

  /** F2: the answer to a join. @returns whether what was told before goes on; otherwise it begins anew from the server's position */
  joined({ epoch, position, recovered }: JoinedFrame): boolean {
    const goesOn = recovered && this.#position?.epoch === epoch;
    if (!goesOn) this.#position = parsePosition(position);
    // The page starts afresh, so a message that it showed before must not be taken for a double now.
    if (!recovered) this.#seen.clear();
    return goesOn;
  }

  /** F2: everything up to there has been told. */
  reached(position: string): void {
    const reached = parsePosition(position);
    if (reached && reached.epoch === this.#position?.epoch && reached.seq > this.#position.seq) {
      this.#position = reached;
    }
  }

  /** @returns false for an event that was told before */
  advance({ epoch, seq }: EventFrame): boolean {
    if (this.#position?.epoch === epoch && seq <= this.#position.seq) return false;
    this.#position = { epoch, seq };
    return true;
  }

  /** Whether this sender's nonce came before: a repeat later than the log remembers ids is stored twice. */
  isRepeat(sender: string, nonce: string): boolean {
    const key = `${sender}\n${nonce}`;
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    if (this.#seen.size > SEEN_NONCES) this.#seen.delete(this.#seen.values().next().value!);
    return false;
  }
}
