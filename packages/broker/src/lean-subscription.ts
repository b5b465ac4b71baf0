import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { LiveSubscription } from "./log.ts";

/** What the library keeps of a subscription, and calls on it (nats-core 3). */
interface Kept {
  sid: number;
  readonly subject: string;
  received: number;
  max: number | undefined;
  callback(error: Error | null, msg: Msg): void;
  close(): void;
}

/** What the library has no method for. */
interface Protocol {
  subscribe(sub: Kept): void;
  unsubscribe(sub: Kept): void;
}

/**
 * Subscribes as the library does, for 0.2 instead of 3 KB: its own subscription carries promises, an iterator and what
 * that needs, of which a callback uses nothing, and an edge has two for each of its rooms. All else stays the library's:
 * it hands on what comes, and subscribes again after a reconnect.
 */
export function subscribeLean(nc: NatsConnection, subject: string, onMessage: (msg: Msg) => void): LiveSubscription {
  const { protocol } = nc as unknown as { protocol?: Partial<Protocol> };
  if (protocol?.subscribe && protocol.unsubscribe) {
    return new LeanSubscription(protocol as Protocol, subject, onMessage);
  }
  // The library changed inside: its public way does the same.
  return nc.subscribe(subject, {
    callback: (error, msg) => {
      if (!error) onMessage(msg);
    },
  });
}

class LeanSubscription implements Kept, LiveSubscription {
  readonly subject: string;
  sid = 0;
  received = 0;
  max: number | undefined = undefined;
  readonly #protocol: Protocol;
  readonly #onMessage: (msg: Msg) => void;
  #closed = false;

  constructor(protocol: Protocol, subject: string, onMessage: (msg: Msg) => void) {
    this.#protocol = protocol;
    this.subject = subject;
    this.#onMessage = onMessage;
    protocol.subscribe(this);
  }

  callback(error: Error | null, msg: Msg): void {
    if (!error) this.#onMessage(msg);
  }

  /** Called by the library, when it is ended by either side. */
  close(): void {
    this.#closed = true;
  }

  unsubscribe(): void {
    if (!this.#closed) this.#protocol.unsubscribe(this);
  }
}
