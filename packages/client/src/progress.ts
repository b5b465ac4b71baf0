import {
  type EventFrame,
  formatPosition,
  type JoinedFrame,
  type Position,
  parsePosition,
} from "@madang/protocol/browser";

/** Number of sends kept to recognise an event that was stored twice. */
const SEEN_SENDS = 512;

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

  /**
   * Whether this sender's nonce came before with the same content: the log stores a repeat twice after its duplicate
   * window. Another content is another message.
   */
  isRepeat(sender: string, nonce: string, content: string): boolean {
    const key = `${sender}\n${nonce}\n${digest(content)}`;
    if (this.#seen.has(key)) return true;
    this.#seen.add(key);
    if (this.#seen.size > SEEN_SENDS) this.#seen.delete(this.#seen.values().next().value!);
    return false;
  }
}

/** Instead of the content itself: messages are long, and rooms are many. FNV-1a, in two halves. */
function digest(text: string): string {
  let [odd, even] = [0x811c9dc5, 0x811c9dc5];
  for (let i = 0; i < text.length; i++) {
    even = Math.imul(even ^ text.charCodeAt(i), 0x01000193);
    odd = Math.imul(odd ^ even, 0x01000193) + text.charCodeAt(i);
  }
  return `${text.length} ${(even >>> 0).toString(36)} ${(odd >>> 0).toString(36)}`;
}
