/** What an attacker did and what it got for it, in words and numbers. */
export interface Counts {
  readonly tried: Record<string, number>;
  /** HTTP statuses, close codes, error codes; "cut": a connection that ended without a word. */
  readonly answered: Record<string, number>;
}

export class Tally {
  readonly counts: Counts = { tried: {}, answered: {} };

  tried(what: string, count = 1): void {
    this.counts.tried[what] = (this.counts.tried[what] ?? 0) + count;
  }

  answered(what: string): void {
    this.counts.answered[what] = (this.counts.answered[what] ?? 0) + 1;
  }
}
