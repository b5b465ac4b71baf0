import { readdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";

/** Of this process, a directory for each thread; Linux only. */
const THREADS = "/proc/self/task";
/** What Node calls the threads on which V8 compiles and marks the heap. */
const WORKER = /V8Worker/;
/** A tenth of the event loop's share, where both want the same core. */
const NICENESS = 10;

/**
 * Lets the event loop go before the threads on which V8 compiles and collects. There are four of them, and while they mark
 * a heap on a machine of few cores every message would wait its turn behind them. A core that nobody else wants is theirs
 * as before, and where the event loop waits for them they have its share. Only Linux tells the threads of a process apart;
 * there and elsewhere what cannot be had is left as it is.
 * @returns how many threads were given less
 */
export function favourEventLoop(): number {
  let count = 0;
  for (const id of threads()) {
    try {
      if (!WORKER.test(readFileSync(`${THREADS}/${id}/comm`, "utf8"))) continue;
      setPriority(Number(id), NICENESS);
      count++;
    } catch {
      // Gone meanwhile, or a sandbox forbids it: speed is all that it is about.
    }
  }
  return count;
}

function threads(): string[] {
  try {
    return readdirSync(THREADS);
  } catch {
    return [];
  }
}
