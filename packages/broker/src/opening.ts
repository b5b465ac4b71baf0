/** Told of each failure, however often it repeats: `what` fails, in words for operators, and why. */
export type OnFailure = (what: string, error: Error) => void;

/**
 * What `openLog`, `openConsumer`, `openLogAdmin` and `openControl` return. Each returns at once, dials NATS in the background,
 * and dials again after each loss of the connection, until it is closed.
 */
export interface Opening {
  /**
   * Resolves when everything works for the first time, or when it is closed before. Rejects only with an error that no
   * further attempt can heal, such as an `UnsafeLogError`: then it is closed, and an operator must act. An outage
   * never rejects it.
   */
  readonly ready: Promise<void>;
  /** Whether everything has worked once. Stays true through later outages. */
  readonly isReady: boolean;
  /** Whether a message that is sent now reaches NATS. */
  readonly connected: boolean;
  /** Why it does not work now, for operators. `undefined` when all is well. */
  readonly trouble: string | undefined;
}
