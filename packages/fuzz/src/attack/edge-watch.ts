import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "@madang/local-stack";
import { COLLECT_SIGNAL } from "../garbage-probe.ts";

const SAMPLE_INTERVAL_MS = 200;
/** For a signal to arrive and a heap of some hundred MiB to be collected. */
const COLLECT_MS = 500;
const MIB = 1024 * 1024;

export interface EdgeUse {
  /** Of a core, by the event loop's thread. */
  readonly busy: number;
  /** Share of the time in which that thread could have run and others had the cores. */
  readonly waited: number;
}

/** What an edge uses of the machine (Linux): the kernel's figures, which cost the edge nothing. */
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

  /** The highest since the last call. */
  takePeakMiB(): number {
    const peak = Math.max(this.#peakMiB, this.residentMiB());
    this.#peakMiB = 0;
    return peak;
  }

  /** Since the last call. */
  takeUse(): EdgeUse {
    const [atNs, ranNs, waitedNs] = this.#last;
    this.#last = this.#schedule();
    const elapsedNs = this.#last[0] - atNs;
    return { busy: (this.#last[1] - ranNs) / elapsedNs, waited: (this.#last[2] - waitedNs) / elapsedNs };
  }

  /** Asks the edge itself: what is in use on its heap, and in buffers beside it, and is no garbage. */
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

  /** Empty when the process is gone: that is told by others. */
  #read(file: string): string {
    try {
      return readFileSync(`/proc/${this.#edge.pid}/${file}`, "utf8");
    } catch {
      return "";
    }
  }
}
