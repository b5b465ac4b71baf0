/** An error that the operator can fix. `run` prints only its message, which says how. */
export class OperatorError extends Error {
  /** 2 for a command line that cannot be used, else 1. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}
