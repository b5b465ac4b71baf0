import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "@madang/local-stack";
import { COLLECT_SIGNAL } from "../garbage-probe.ts";

const SAMPLE_INTERVAL_MS = 200;
/** Time for a signal to arrive and for the collection of a heap of some hundred MiB. */
const COLLECT_MS = 500;
const MIB = 1024 * 1024;

export interface EdgeUse {
  /** Share of a core that the event loop's thread used. */
  readonly busy: number;
  /** Share of the time in which that thread was ready and waited for a core. */
  readonly waited: number;
}

/** Measures the resources of an edge from the kernel's figures, without any cost to the edge; needs Linux. */
export class EdgeWatch {
  readonly #edge: Child;
  readonly #timer: NodeJS.Timeout;
  #peakMiB = 0;
  #last: readonly [atNs: number, ranNs: number, waitedNs: number];

  constructor(edge: Child) {
    this.#edge = edge;
    this.#last = this.#schedule();
    this.#timer = setInterval(() => {
      this.#peakMiB = Math.max(this.#peakMiB, this.residentMiB());
    }, SAMPLE_INTERVAL_MS);
  }

  residentMiB(): number {
    return Number(/VmRSS:\s+(\d+) kB/.exec(this.#read("status"))?.[1] ?? 0) / 1024;
  }

  /** The highest resident memory since the last call. */
  takePeakMiB(): number {
    const peak = Math.max(this.#peakMiB, this.residentMiB());
    this.#peakMiB = 0;
    return peak;
  }

  /** The use since the last call. */
  takeUse(): EdgeUse {
    const [atNs, ranNs, waitedNs] = this.#last;
    this.#last = this.#schedule();
    const elapsedNs = this.#last[0] - atNs;
    return { busy: (this.#last[1] - ranNs) / elapsedNs, waited: (this.#last[2] - waitedNs) / elapsedNs };
  }

  /** Memory in use on the heap and in buffers after a garbage collection, from the metrics of the edge. */
  async heapMiB(): Promise<number> {
    await this.#edge.kill(COLLECT_SIGNAL);
    await delay(COLLECT_MS);
    const text = await (await fetch(`${this.#edge.url}/metrics`)).text();
    const metric = (name: string) => Number(new RegExp(`^${name} (\\S+)`, "m").exec(text)?.[1] ?? 0);
    return (metric("nodejs_heap_size_used_bytes") + metric("nodejs_external_memory_bytes")) / MIB;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #schedule(): [number, number, number] {
    const [ran, waited] = this.#read("schedstat").split(" ").map(Number);
    return [performance.now() * 1e6, ran ?? 0, waited ?? 0];
  }

  /** Returns an empty text when the process has ended, which others report. */
  #read(file: string): string {
    try {
      return readFileSync(`/proc/${this.#edge.pid}/${file}`, "utf8");
    } catch {
      return "";
    }
  }
}
