/** Latencies of sends, from the call to the acknowledgement. */
export class Latencies {
  #ms: number[] = [];

  add(ms: number): void {
    this.#ms.push(ms);
  }

  get count(): number {
    return this.#ms.length;
  }

  /** @param share 0.99 for the p99 */
  quantile(share: number): number {
    const sorted = this.#ms.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }

  /** Returns the latencies so far, and starts over. */
  take(): Latencies {
    const taken = new Latencies();
    taken.#ms = this.#ms;
    this.#ms = [];
    return taken;
  }
}
