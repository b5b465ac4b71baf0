/**
 * The mark that the generator writes into the text of each message and finds in what arrives: `<<publisher,id,time>>`,
 * padded to the requested size. Every server forwards the text unchanged inside its own frames.
 */

/** The publisher, its message number from 1, and the time of publishing in microseconds of the monotonic clock. */
export interface Mark {
  publisher: number;
  id: number;
  sentUs: number;
}

const OPEN = "<".charCodeAt(0);
const ZERO = "0".charCodeAt(0);
const OPENING = Buffer.from("<<");

/** The text of a message: `size` bytes, or more where the mark alone is longer. */
export function markedText({ publisher, id, sentUs }: Mark, size: number): string {
  return `<<${publisher},${id},${sentUs}>>`.padEnd(size, "x");
}

/** Microseconds of the monotonic clock, which all threads and processes of this machine share. */
export function nowUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + Math.floor(nanoseconds / 1000);
}

/**
 * Counts the marks of a payload without creating a string. A server puts the text at about the same offset in each
 * frame, so the scanner tries that offset first.
 */
export class MarkScanner {
  readonly #size: number;
  /** Offset of the mark in the last payload. */
  #usual = 0;
  /** Overwritten by each mark. */
  readonly #mark: Mark = { publisher: 0, id: 0, sentUs: 0 };
  #at = 0;

  /** @param size size of the texts in bytes: one text has one mark */
  constructor(size: number) {
    this.#size = size;
  }

  /** Calls `onMark` for each mark of the payload, always with the same object. */
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
      // The rest is too short for another message.
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

  /** Reads the number at the cursor and the character that ends it. */
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
