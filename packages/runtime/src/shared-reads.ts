/** Shares reads that are under way: clients that want the same at the same time cause it once. */
export class SharedReads<T> {
  readonly #works = new Map<string, Promise<T>>();

  /** Starts the work, unless work with the same key is under way: then both have its outcome, a failure too. */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const underWay = this.#works.get(key);
    if (underWay) return underWay;
    const begun = work().finally(() => this.#works.delete(key));
    this.#works.set(key, begun);
    return begun;
  }
}
