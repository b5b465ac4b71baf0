import type { NatsConnection } from "@nats-io/transport-node";

/** One subject for all: an edge receives the messages of every edge, its own included. */
const GOSSIP_SUBJECT = "chat.gossip";

/** Messages among edges, beside the log: at most once, each sender's in order, stored nowhere. */
export interface Gossip {
  /** Sends to all edges, this one included. Dropped while NATS cannot be reached. */
  publish(message: string): void;
  onMessage(listener: (message: string) => void): void;
}

/** For an edge without others. */
export const NO_GOSSIP: Gossip = { publish: () => {}, onMessage: () => {} };

/** Gossip over this connection, for as long as it is open. */
export function openGossip(nc: NatsConnection): Gossip {
  return {
    publish: (message) => {
      if (nc.info !== undefined) nc.publish(GOSSIP_SUBJECT, message);
    },
    onMessage: (listener) => {
      nc.subscribe(GOSSIP_SUBJECT, {
        callback: (error, msg) => {
          if (!error) listener(msg.string());
        },
      });
    },
  };
}
