/** The actions of an attacker and the answers to them, by kind. */
export interface Counts {
  readonly tried: Record<string, number>;
  /** HTTP statuses, close codes and error codes; "cut" for a connection that ended without any. */
  readonly answered: Record<string, number>;
}

export class Tally {
  readonly counts: Counts = { tried: {}, answered: {} };

  tried(kind: string, count = 1): void {
    this.counts.tried[kind] = (this.counts.tried[kind] ?? 0) + count;
  }

  answered(kind: string): void {
    this.counts.answered[kind] = (this.counts.answered[kind] ?? 0) + 1;
  }
}
