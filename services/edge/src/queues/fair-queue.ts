/**
 * A queue that serves its askers in turn (round robin, RFC 970), and the items of one asker in their order. However
 * many items one asker adds, each other waits for one of them only.
 */
export class FairQueue<Asker, Item> {
  /** The asker whose turn is next comes first. */
  readonly #lines = new Map<Asker, Item[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(asker: Asker, item: Item): void {
    const line = this.#lines.get(asker);
    if (line) line.push(item);
    else this.#lines.set(asker, [item]);
    this.#size++;
  }

  /** The next, which is no longer in the queue; `undefined` when it is empty. */
  take(): Item | undefined {
    for (const [asker, line] of this.#lines) {
      this.#lines.delete(asker);
      if (line.length > 1) this.#lines.set(asker, line);
      this.#size--;
      return line.shift();
    }
    return undefined;
  }
}
