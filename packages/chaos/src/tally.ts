/** Counts the sends and answers of a connection: no send may have more answers than attempts. */
export class AnswerTally {
  #unanswered = new Map<string, number>();
  #excess = 0;
  /** The number of refused sends by error code. */
  readonly refusals = new Map<string, number>();

  get answeredTwice(): number {
    return this.#excess;
  }

  /** A new connection answers no send of an earlier one. */
  newConnection(): void {
    this.#unanswered = new Map();
  }

  up(text: string): void {
    const frame = JSON.parse(text) as { type: string; room?: string; nonce?: string };
    if (frame.type !== "message") return;
    const key = `${frame.nonce}`;
    this.#unanswered.set(key, (this.#unanswered.get(key) ?? 0) + 1);
  }

  down(frame: { type: string; nonce?: string; code?: string }): void {
    if (frame.nonce === undefined || (frame.type !== "ack" && frame.type !== "error")) return;
    if (frame.code !== undefined) this.refusals.set(frame.code, (this.refusals.get(frame.code) ?? 0) + 1);
    const unanswered = this.#unanswered.get(frame.nonce) ?? 0;
    if (unanswered === 0) this.#excess++;
    else if (unanswered === 1) this.#unanswered.delete(frame.nonce);
    else this.#unanswered.set(frame.nonce, unanswered - 1);
  }
}
