/** Messages among edges, beside the log: at most once, each sender's in order, stored nowhere. */
export interface Gossip {
  /** Sends to all edges, this one included. Dropped while NATS cannot be reached. */
  publish(message: string): void;
  /** Called for each message that arrives, whatever it contains. */
  onMessage(listener: (message: string) => void): void;
}

/** For an edge without others. */
export const NO_GOSSIP: Gossip = { publish: () => {}, onMessage: () => {} };
