/** Counts, on one connection, sends and their answers: no send may be answered more often than it was made. */
export class AnswerTally {
  #owed = new Map<string, number>();
  #excess = 0;
  /** Sends that were refused, by code; all of them are to be temporary. */
  readonly refusals = new Map<string, number>();

  get answeredTwice(): number {
    return this.#excess;
  }

  /** Nothing that was sent on an earlier connection can be answered on this one. */
  newConnection(): void {
    this.#owed = new Map();
  }

  up(text: string): void {
    const frame = JSON.parse(text) as { type: string; room?: string; nonce?: string };
    if (frame.type !== "message") return;
    const key = `${frame.nonce}`;
    this.#owed.set(key, (this.#owed.get(key) ?? 0) + 1);
  }

  down(frame: { type: string; nonce?: string; code?: string }): void {
    if (frame.nonce === undefined || (frame.type !== "ack" && frame.type !== "error")) return;
    if (frame.code !== undefined) this.refusals.set(frame.code, (this.refusals.get(frame.code) ?? 0) + 1);
    const owed = this.#owed.get(frame.nonce) ?? 0;
    if (owed === 0) this.#excess++;
    else if (owed === 1) this.#owed.delete(frame.nonce);
    else this.#owed.set(frame.nonce, owed - 1);
  }
}
