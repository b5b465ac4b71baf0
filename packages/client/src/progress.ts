import {
  type EventFrame,
  formatPosition,
  type JoinedFrame,
  type Position,
  parsePosition,
} from "@madang/protocol/browser";

/** Number of nonces kept to recognise an event that was stored twice. */
const SEEN_NONCES = 512;

/** Progress of a room across connections: the client emits each event once and never skips one silently. */
export class Progress {
  #position: Position | undefined;
  readonly #seen = new Set<string>();

  constructor(after: Position | undefined) {
    this.#position = after;
  }

  /** Position of the last emitted event, or the position from which the server continues. */
  get position(): string | undefined {
    return this.#position && formatPosition(this.#position.epoch, this.#position.seq);
  }

  /** F2: the answer to a join. @returns whether the room continues after its last event, not at the server's position */
  joined({ epoch, position, recovered }: JoinedFrame): boolean {
    const goesOn = recovered && this.#position?.epoch === epoch;
    if (!goesOn) this.#position = parsePosition(position);
    // The page reloads the room, so a message that it showed before is not a duplicate now.
    if (!recovered) this.#seen.clear();
    return goesOn;
  }

  /** F2: every event up to `position` was emitted. */
  reached(position: string): void {
    const reached = parsePosition(position);
    if (reached && reached.epoch === this.#position?.epoch && reached.seq > this.#position.seq) {
      this.#position = reached;
    }
  }

  /** @returns false for an event that was emitted before */
  advance({ epoch, seq }: EventFrame): boolean {
    if (this.#position?.epoch === epoch && seq <= this.#position.seq) return false;
    this.#position = { epoch, seq };
    return true;
  }

  /** Whether this sender's nonce came before: the log stores a repeat twice after its duplicate window. */
  isRepeat(sender: string, nonce: string): boolean {
    const key = `${sender}\n${nonce}`;
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    if (this.#seen.size > SEEN_NONCES) this.#seen.delete(this.#seen.values().next().value!);
    return false;
  }
}
