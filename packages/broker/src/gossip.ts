import type { NatsConnection } from "@nats-io/transport-node";

/** One subject for all: an edge hears what every edge says, itself included. */
const GOSSIP_SUBJECT = "chat.gossip";

/** What edges say to each other, beside the log: at most once, in the order of each speaker, and kept nowhere. */
export interface Gossip {
  /** While NATS cannot be reached it is lost. */
  say(word: string): void;
  onHeard(listener: (word: string) => void): void;
}

/** Of an edge that is alone. */
export const NO_GOSSIP: Gossip = { say: () => {}, onHeard: () => {} };

/** Over this connection, for as long as it lives. */
export function openGossip(nc: NatsConnection): Gossip {
  return {
    say: (word) => {
      if (nc.info !== undefined) nc.publish(GOSSIP_SUBJECT, word);
    },
    onHeard: (listener) => {
      nc.subscribe(GOSSIP_SUBJECT, {
        callback: (error, msg) => {
          if (!error) listener(msg.string());
        },
      });
    },
  };
}
