import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";

const POLL_INTERVAL_MS = 250;
const CHUNK_BYTES = 64 * 1024;

/** Returns the text to show for one line of a process's output; undefined for lines below "warning". */
export function readable(line: string): string | undefined {
  if (!line.startsWith("{")) {
    // nats-server writes "[pid] date time [ERR] text". Any other line that is not JSON belongs to a crash: show it whole.
    const nats = /^\[\d+\] \S+ \S+ \[(\w+)\] (.*)$/.exec(line);
    if (!nats) return line || undefined;
    return ["WRN", "ERR", "FTL"].includes(nats[1]!) ? nats[2] : undefined;
  }
  try {
    const { s, attr, level, msg, err, error, reason } = JSON.parse(line) as {
      s?: string;
      attr?: unknown;
      level?: number;
      msg?: string;
      err?: { message?: string };
      error?: string;
      reason?: string;
    };
    if (s === "E" || s === "F") return `${msg} ${attr ? JSON.stringify(attr) : ""}`;
    if (level === undefined || level < 40) return undefined;
    const cause = err?.message ?? error ?? reason;
    return `${level < 50 ? "warning" : "error"}: ${msg ?? ""}${cause ? ` (${cause})` : ""}`;
  } catch {
    return line;
  }
}

/** Prints the lines of a log file, those that exist and those that are added. */
export class LogView {
  readonly #name: string;
  readonly #print: (line: string) => void;
  readonly #verbose: boolean;
  readonly #fd: number;
  #at = 0;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  readonly #timer: NodeJS.Timeout;

  constructor(name: string, file: string, verbose: boolean, print: (line: string) => void) {
    this.#name = name;
    this.#verbose = verbose;
    this.#print = print;
    this.#fd = openSync(file, "r");
    this.#timer = setInterval(() => this.#read(), POLL_INTERVAL_MS);
    this.#read();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#read();
    closeSync(this.#fd);
  }

  #read(): void {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    while (fstatSync(this.#fd).size > this.#at) {
      const length = readSync(this.#fd, chunk, 0, CHUNK_BYTES, this.#at);
      if (length === 0) return;
      this.#at += length;
      const lines = (this.#rest + this.#decoder.write(chunk.subarray(0, length))).split("\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#show(line);
    }
  }

  #show(line: string): void {
    const text = this.#verbose ? line : readable(line);
    // A control character in a log must not control the terminal.
    if (text) this.#print(`${this.#name}: ${text.replace(/\p{Cc}/gu, " ")}`);
  }
}
