/** Counters of the hot paths, for the metrics. */
export class EdgeCounts {
  /** Events that rooms of this edge received. */
  events = 0;
  /** Events times the live members they were written to. */
  deliveries = 0;
  /** Times that a slow socket fell behind (F8). */
  lags = 0;
  /** Reads of the log or history for members that were behind. */
  replays = 0;
  /** Submissions that the log acknowledged. */
  stored = 0;
  /** Submissions that the log refused or did not answer. */
  refused = 0;
}
