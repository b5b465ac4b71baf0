/**
 * What the generator writes into each message's text and looks for in what comes back: `<<publisher,id,time>>`, then
 * filling up to the size asked for. Every server passes it on as it is, whatever it puts around.
 */

/** Who published, the how-manieth of that publisher (from 1), and when (microseconds of the system's steady clock). */
export interface Mark {
  publisher: number;
  id: number;
  sentUs: number;
}

const OPEN = "<".charCodeAt(0);
const ZERO = "0".charCodeAt(0);
const OPENING = Buffer.from("<<");

/** The text of a message, `size` bytes or a little more where the mark alone is longer. */
export function markedText({ publisher, id, sentUs }: Mark, size: number): string {
  return `<<${publisher},${id},${sentUs}>>`.padEnd(size, "x");
}

/** Microseconds of the steady clock, the same in all threads and processes of this machine. */
export function nowUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + Math.floor(nanoseconds / 1000);
}

/**
 * Counts the marks of a payload without making a string. A server puts a message at the same place of each of its
 * frames, give or take a digit: that place is tried first.
 */
export class MarkScanner {
  readonly #size: number;
  /** Where the mark of the last payload began. */
  #usual = 0;
  /** Overwritten by each mark. */
  readonly #mark: Mark = { publisher: 0, id: 0, sentUs: 0 };
  #at = 0;

  /** @param size of the texts: there is no second mark within a first one's text */
  constructor(size: number) {
    this.#size = size;
  }

  /** Calls `onMark` for each mark of the payload; the object is the same each time. */
  scan(buffer: Buffer, start: number, end: number, onMark: (mark: Mark) => void): void {
    let from = this.#find(buffer, start, end);
    if (from < 0) return;
    this.#usual = from - start;
    while (from >= 0) {
      const mark = this.#mark;
      this.#at = from + 2;
      mark.publisher = this.#number(buffer);
      mark.id = this.#number(buffer);
      mark.sentUs = this.#number(buffer);
      onMark(mark);
      const next = from + this.#size;
      // Too little is left for another message.
      if (end - next < this.#size) return;
      from = indexOfMark(buffer, next, end);
    }
  }

  #find(buffer: Buffer, start: number, end: number): number {
    const last = Math.min(start + this.#usual + 2, end - 2);
    for (let at = start + this.#usual; at <= last; at++) {
      if (buffer[at] === OPEN && buffer[at + 1] === OPEN) return at;
    }
    return indexOfMark(buffer, start, end);
  }

  /** The number at the cursor; leaves the cursor behind the character that ends it. */
  #number(buffer: Buffer): number {
    let value = 0;
    for (;;) {
      const digit = buffer[this.#at++]! - ZERO;
      if (digit < 0 || digit > 9) return value;
      value = value * 10 + digit;
    }
  }
}

function indexOfMark(buffer: Buffer, start: number, end: number): number {
  const at = buffer.indexOf(OPENING, start);
  return at >= 0 && at < end - 1 ? at : -1;
}
