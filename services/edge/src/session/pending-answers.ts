/** Counts the submissions of a client that have no answer yet. */
export class PendingAnswers {
  #count = 0;
  #none: PromiseWithResolvers<void> | undefined;

  get count(): number {
    return this.#count;
  }

  add(): void {
    this.#count++;
  }

  settle(): void {
    if (--this.#count > 0) return;
    this.#none?.resolve();
    this.#none = undefined;
  }

  /** Resolves with true once none is pending, or after `limitMs` with false. */
  async settled(limitMs: number): Promise<boolean> {
    if (this.#count === 0) return true;
    this.#none ??= Promise.withResolvers();
    const { promise } = this.#none;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(resolve, limitMs, false).unref();
    });
    return Promise.race([promise.then(() => true), late]).finally(() => clearTimeout(timer));
  }
}
