import { type Msg, type NatsConnection, nanos, type Subscription } from "@nats-io/transport-node";
import { STREAM } from "./subjects.ts";

/** The server drops a request after this time, and the session sends a new one. */
const REQUEST_EXPIRES_MS = 20_000;
const HEARTBEAT_MS = 2000;
/** Two missing heartbeats and 1 s more. A new session then heals any cause. */
const SILENCE_LIMIT_MS = 2 * HEARTBEAT_MS + 1000;
/**
 * After the server has delivered everything, new events gather on it for this long. Delivered one by one, each event wakes
 * both processes: at 1,500 messages a second that took ten times the CPU.
 */
const GATHER_MS = 100;

const HEARTBEAT = 100;
const NO_MESSAGES = 404;
const REQUEST_TIMEOUT = 408;
const CONFLICT = 409;
/** The next message is larger than the rest of the requested bytes. */
const BYTES_USED_UP = "Message Size Exceeds MaxBytes";
/** The server sent as many messages as requested. The session has counted them itself, and may have sent its next request. */
const ALL_SENT = "Batch Completed";

/** How much the owner of a session can take now. */
export interface Space {
  readonly records: number;
  /** Including subjects and headers, as the server counts. */
  readonly bytes: number;
}

/** The owner of a {@link PullSession}. */
export interface Puller {
  /** 0 bytes, or enough for any one message: with less, the session would ask without end. */
  space(): Space;
  onMessage(message: Msg): void;
  /** Called when a request has ended: no more messages are on their way. */
  onPause(): void;
}

/**
 * Pulls from a durable consumer over an inbox of its own, one request at a time, until it ends. A request delivers all
 * events that wait, or else waits for the first: a single event arrives at once, and a stream of them in bundles. The
 * session ends itself when the server is silent or refuses, and never hangs on a lost request.
 */
export class PullSession {
  /** Resolves once, with the reason why the session has ended. */
  readonly ended: Promise<Error>;
  readonly #nc: NatsConnection;
  readonly #requestSubject: string;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #puller: Puller;
  #end!: (reason: Error) => void;
  #isEnded = false;
  /** Messages that the present request may still deliver; 0 when there is no request. */
  #wanted = 0;
  #gathering: NodeJS.Timeout | undefined;
  #heardAt = 0;
  readonly #watch: NodeJS.Timeout;

  /** @param inbox a new one: an old one might receive late messages of another session */
  constructor(nc: NatsConnection, durable: string, inbox: string, puller: Puller) {
    this.#nc = nc;
    this.#requestSubject = `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${durable}`;
    this.#inbox = inbox;
    this.#puller = puller;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#subscription = nc.subscribe(this.#inbox, {
      callback: (error, message) => (error ? this.end(error) : this.#receive(message)),
    });
    this.#watch = setInterval(() => {
      const silentMs = performance.now() - this.#heardAt;
      if (this.#wanted > 0 && silentMs > SILENCE_LIMIT_MS)
        this.end(new Error("the server of the log has stopped answering"));
    }, HEARTBEAT_MS / 2);
    this.refill();
  }

  /** Sends the next request if there is space and none is running. To be called whenever the owner has more space. */
  refill(): void {
    if (this.#isEnded || this.#wanted > 0 || this.#gathering) return;
    const { records: batch, bytes } = this.#puller.space();
    if (batch <= 0 || bytes <= 0) return;
    this.#heardAt = performance.now();
    this.#wanted = batch;
    const request = {
      batch,
      max_bytes: bytes,
      // Together with an expiry this waits for the first message where there is none.
      no_wait: true,
      expires: nanos(REQUEST_EXPIRES_MS),
      idle_heartbeat: nanos(HEARTBEAT_MS),
    };
    this.#nc.publish(this.#requestSubject, JSON.stringify(request), { reply: this.#inbox });
  }

  /** Ends at once. The server delivers messages that were sent and not seen again after the ack wait (10 s). */
  end(reason: Error): void {
    if (this.#isEnded) return;
    this.#stop();
    this.#subscription.unsubscribe();
    this.#end(reason);
  }

  /** Sends no more requests, and ends once all messages that the server has sent are delivered. */
  async drain(): Promise<void> {
    if (this.#isEnded) return;
    this.#stop();
    await this.#subscription.drain();
    this.#end(new Error("drained"));
  }

  #stop(): void {
    this.#isEnded = true;
    clearInterval(this.#watch);
    clearTimeout(this.#gathering);
  }

  #receive(message: Msg): void {
    this.#heardAt = performance.now();
    // Events keep their own subject. Messages with the inbox as their subject are about a request.
    if (message.subject === this.#inbox) return this.#status(message);
    this.#puller.onMessage(message);
    if (--this.#wanted > 0) return;
    this.#puller.onPause();
    this.refill();
  }

  #status(message: Msg): void {
    const { code, description } = message.headers ?? {};
    if (code === HEARTBEAT || (code === CONFLICT && description === ALL_SENT)) return;
    if (code === CONFLICT && description === BYTES_USED_UP) {
      this.#wanted = 0;
      this.#puller.onPause();
      this.refill();
      return;
    }
    if (code !== NO_MESSAGES && code !== REQUEST_TIMEOUT) {
      this.end(new Error(`the server of the log refused: ${code} ${description ?? ""}`.trim()));
      return;
    }
    this.#wanted = 0;
    this.#puller.onPause();
    // A pause after 408 too: while requests of other instances wait for new events, it arrives at once.
    this.#gathering = setTimeout(() => {
      this.#gathering = undefined;
      this.refill();
    }, GATHER_MS);
  }
}
