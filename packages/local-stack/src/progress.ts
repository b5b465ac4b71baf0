const LINE_INTERVAL_MS = 2000;
const REDRAW_INTERVAL_MS = 100;
const MEGABYTE = 1e6;

/** Reports the progress of a download: on a terminal one line that is redrawn, elsewhere a line every 2 s. */
export class Progress {
  readonly #label: string;
  readonly #totalBytes: number;
  #bytes = 0;
  #shownAt = Date.now();
  readonly #terminal = process.stderr.isTTY === true;

  /** @param totalBytes 0 when unknown */
  constructor(label: string, totalBytes: number) {
    this.#label = label;
    this.#totalBytes = totalBytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    const now = Date.now();
    if (now - this.#shownAt < (this.#terminal ? REDRAW_INTERVAL_MS : LINE_INTERVAL_MS)) return;
    this.#shownAt = now;
    const share = this.#totalBytes ? ` (${Math.floor((100 * this.#bytes) / this.#totalBytes)} %)` : "";
    const text = `${this.#label}: ${(this.#bytes / MEGABYTE).toFixed(1)} MB${share}`;
    process.stderr.write(this.#terminal ? `\r\u001b[2K${text}` : `${text}\n`);
  }

  end(): void {
    if (this.#terminal) process.stderr.write("\r\u001b[2K");
  }
}
