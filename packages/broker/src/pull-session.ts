import { type Msg, type NatsConnection, nanos, type Subscription } from "@nats-io/transport-node";
import { STREAM } from "./subjects.ts";

/** The server forgets a request after this; then it is made anew. */
const REQUEST_EXPIRES_MS = 20_000;
const HEARTBEAT_MS = 2000;
/** Two heartbeats that did not come, and some patience: whatever is wrong, a new session puts it right. */
const SILENCE_LIMIT_MS = 2 * HEARTBEAT_MS + 1000;
/**
 * After everything there was has come, what is stored meanwhile gathers on the server for this long. Handed over one by
 * one, each message would wake the server and us: at 1,500 messages a second that cost ten times the CPU.
 */
const GATHER_MS = 100;

const HEARTBEAT = 100;
const NO_MESSAGES = 404;
const REQUEST_TIMEOUT = 408;
const CONFLICT = 409;
/** The next message is more than what is left of the bytes. */
const BYTES_USED_UP = "Message Size Exceeds MaxBytes";
/** All messages were sent and bytes are left, which the count has told already: the next request may be under way. */
const ALL_SENT = "Batch Completed";

/** What somebody can take. */
export interface Space {
  readonly records: number;
  /** As the server counts them, with subjects and headers. */
  readonly bytes: number;
}

/** Whom a {@link PullSession} pulls for. */
export interface Puller {
  /** How much the owner can take now; with bytes for less than one message it would ask for ever. */
  space(): Space;
  onMessage(message: Msg): void;
  /** A request has ended: nothing more is on its way. */
  onPause(): void;
}

/**
 * One spell of pulling from a durable consumer, on an inbox of its own, one request at a time. A request brings what
 * there is, or waits for the first message; a lone message so comes at once, and a stream of them in bundles. The
 * session ends itself when the server falls silent or refuses, and never hangs on a request that got lost.
 */
export class PullSession {
  /** Resolves once, with why nothing more will come. */
  readonly ended: Promise<Error>;
  readonly #nc: NatsConnection;
  readonly #requestSubject: string;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #puller: Puller;
  #end!: (reason: Error) => void;
  #isEnded = false;
  /** Messages that the request under way may still bring; 0 when there is none. */
  #wanted = 0;
  #gathering: NodeJS.Timeout | undefined;
  #heardAt = 0;
  readonly #watch: NodeJS.Timeout;

  /** @param inbox not used before */
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
      if (this.#wanted > 0 && silentMs > SILENCE_LIMIT_MS) this.end(new Error("the log's server fell silent"));
    }, HEARTBEAT_MS / 2);
    this.refill();
  }

  /** Asks for more where there is space for it. To be called whenever the owner made some. */
  refill(): void {
    if (this.#isEnded || this.#wanted > 0 || this.#gathering) return;
    const { records: batch, bytes } = this.#puller.space();
    if (batch <= 0 || bytes <= 0) return;
    this.#heardAt = performance.now();
    this.#wanted = batch;
    const request = {
      batch,
      max_bytes: bytes,
      // With an expiry it is not "or nothing": without messages it waits for the first.
      no_wait: true,
      expires: nanos(REQUEST_EXPIRES_MS),
      idle_heartbeat: nanos(HEARTBEAT_MS),
    };
    this.#nc.publish(this.#requestSubject, JSON.stringify(request), { reply: this.#inbox });
  }

  /** Stops at once. What the server has sent and was not yet seen is delivered again after the ack wait. */
  end(reason: Error): void {
    if (this.#isEnded) return;
    this.#stop();
    this.#subscription.unsubscribe();
    this.#end(reason);
  }

  /** Stops asking, and takes what the server has already sent. */
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
    // Messages keep their own subject, so whatever comes on the inbox's is about a request.
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
      this.end(new Error(`the log's server refused: ${code} ${description ?? ""}`.trim()));
      return;
    }
    this.#wanted = 0;
    this.#puller.onPause();
    // A pause after 408, too: where requests of other instances wait for what there is, it comes at once.
    this.#gathering = setTimeout(() => {
      this.#gathering = undefined;
      this.refill();
    }, GATHER_MS);
  }
}
