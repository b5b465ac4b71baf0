/** What whoever runs the process can put right: the message says how, and is all that `run` prints of it. */
export class OperatorError extends Error {
  /** 2 for a wrong command line. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}
