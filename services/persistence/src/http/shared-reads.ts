/** Work under way that others who want the same may share: a crowd that opens one room reads its history once. */
export class SharedReads<T> {
  readonly #works = new Map<string, Promise<T>>();

  /** Does the work, unless the same is under way: then its outcome, a failure too, is that of both. */
  run(key: string, work: () => Promise<T>): Promise<T> {
    const underWay = this.#works.get(key);
    if (underWay) return underWay;
    const begun = work().finally(() => this.#works.delete(key));
    this.#works.set(key, begun);
    return begun;
  }
}
