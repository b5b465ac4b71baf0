import { type Msg, type NatsConnection, nanos, type Subscription } from "@nats-io/transport-node";
import { STREAM } from "./subjects.ts";

/** Messages asked for by one request. */
const REQUEST_MESSAGES = 500;
/** The server forgets a request after this; what it still owed is then asked for anew. */
const REQUEST_EXPIRES_MS = 20_000;
const HEARTBEAT_MS = 2000;
/** Two heartbeats that did not come, and some patience: whatever is wrong, a new session puts it right. */
const SILENCE_LIMIT_MS = 2 * HEARTBEAT_MS + 1000;

const HEARTBEAT = 100;
const NO_MESSAGES = 404;
const REQUEST_TIMEOUT = 408;

/**
 * One spell of pulling from a durable consumer, on an inbox of its own. It keeps at most one request ahead, ends itself
 * when the server falls silent or refuses, and never hangs on a request that got lost.
 */
export class PullSession {
  /** Resolves once, with why nothing more will come. */
  readonly ended: Promise<Error>;
  #nc: NatsConnection;
  #requestSubject: string;
  #inbox: string;
  #subscription: Subscription;
  #space: () => number;
  #onMessage: (message: Msg) => void;
  #end!: (reason: Error) => void;
  #isEnded = false;
  /** Messages asked for and not yet seen. */
  #wanted = 0;
  #heardAt = Date.now();
  #watch: NodeJS.Timeout;

  /**
   * @param inbox not used before
   * @param space how many messages the owner can take now
   */
  constructor(
    nc: NatsConnection,
    durable: string,
    inbox: string,
    space: () => number,
    onMessage: (message: Msg) => void,
  ) {
    this.#nc = nc;
    this.#requestSubject = `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${durable}`;
    this.#inbox = inbox;
    this.#space = space;
    this.#onMessage = onMessage;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#subscription = nc.subscribe(this.#inbox, {
      callback: (error, message) => (error ? this.end(error) : this.#receive(message)),
    });
    this.#watch = setInterval(() => {
      const silentMs = Date.now() - this.#heardAt;
      if (this.#wanted > 0 && silentMs > SILENCE_LIMIT_MS) this.end(new Error("the log's server fell silent"));
    }, HEARTBEAT_MS / 2);
    this.refill();
  }

  /** Asks for more where there is space for it. To be called whenever the owner made some. */
  refill(): void {
    if (this.#isEnded || this.#wanted >= REQUEST_MESSAGES) return;
    const batch = Math.min(REQUEST_MESSAGES, this.#space() - this.#wanted);
    if (batch <= 0) return;
    if (this.#wanted === 0) this.#heardAt = Date.now();
    this.#wanted += batch;
    this.#nc.publish(
      this.#requestSubject,
      JSON.stringify({ batch, expires: nanos(REQUEST_EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) }),
      { reply: this.#inbox },
    );
  }

  /** Stops at once. What the server has sent and was not yet seen is delivered again after the ack wait. */
  end(reason: Error): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearInterval(this.#watch);
    this.#subscription.unsubscribe();
    this.#end(reason);
  }

  /** Stops asking, and takes what the server has already sent. */
  async drain(): Promise<void> {
    if (this.#isEnded) return;
    clearInterval(this.#watch);
    this.#wanted = Number.POSITIVE_INFINITY;
    await this.#subscription.drain();
    this.#isEnded = true;
    this.#end(new Error("drained"));
  }

  #receive(message: Msg): void {
    this.#heardAt = Date.now();
    if (message.subject !== this.#inbox) {
      this.#wanted--;
      this.#onMessage(message);
    } else {
      this.#status(message);
    }
    this.refill();
  }

  /** Messages keep their own subject, so whatever comes on the inbox's is about a request. */
  #status(message: Msg): void {
    const code = message.headers?.code;
    if (code === HEARTBEAT) return;
    const left = Number(message.headers?.get("Nats-Pending-Messages") ?? 0);
    this.#wanted = Math.max(0, this.#wanted - left);
    if (code === REQUEST_TIMEOUT || code === NO_MESSAGES) return;
    this.end(new Error(`the log's server refused: ${code} ${message.headers?.description ?? ""}`.trim()));
  }
}
