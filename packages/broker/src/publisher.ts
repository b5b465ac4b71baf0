import { createInbox, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import type { Lane, Stored } from "./log.ts";
import { headerStatus, headerText, oneHeader } from "./raw-message.ts";
import { type Flight, type LaneHost, type Outcome, SenderLane } from "./sender-lane.ts";
import { StallDetector } from "./stall-detector.ts";

/** The server's answer to a publish (ADR-10, ADR-22). */
interface PubAck {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

const SWEEP_INTERVAL_MS = 250;
/** On a live connection an ack takes milliseconds; after this the attempt is repeated. */
const ACK_LIMIT_MS = 5000;
/** Out of storage: for the account, the stream, or the whole server (which calls it "insufficient resources"). */
const OUT_OF_STORAGE = new Set([10047, 10002, 10023]);
/** "Store failed", with the reason as text: a limit of the stream, or trouble with the disk. */
const STORE_FAILED = 10077;
const MESSAGE_TOO_LARGE = 10054;

/**
 * Publishes into the stream over one inbox: a token per message, one sweep for the time-outs of all. Messages of
 * many lanes are under way at once; the order within a lane is the lane's business ({@link SenderLane}).
 */
export class Publisher implements LaneHost {
  readonly #nc: NatsConnection;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #flights = new Map<string, Flight>();
  /** What this turn of the event loop has brought, with its tokens. */
  #outgoing: { readonly subject: string; readonly flight: Flight; readonly token: string }[] = [];
  /** Lanes with something under way. One without a sender is its own key. */
  readonly #busy = new Map<string | SenderLane, SenderLane>();
  readonly #sweep: NodeJS.Timeout;
  readonly #identity: { epoch(): string; check(): Promise<string> };
  readonly #stall = new StallDetector();
  #connected = true;
  #nextToken = 0;
  /** The highest sequence that was newly stored here: a lower one later means that the log was made anew. */
  #highSeq = 0;

  constructor(nc: NatsConnection, identity: { epoch(): string; check(): Promise<string> }, inboxPrefix?: string) {
    this.#nc = nc;
    this.#identity = identity;
    this.#inbox = createInbox(inboxPrefix);
    this.#subscription = nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, msg) => {
        if (!error) this.#onAck(msg);
      },
    });
    this.#sweep = setInterval(() => this.#onSweep(), SWEEP_INTERVAL_MS);
  }

  lane(subject: string, sender?: string): Lane {
    const lane = new SenderLane(this, subject, sender);
    return this.#busy.get(lane.key) ?? lane;
  }

  /** Whether a publish reaches the server now. While the library dials, it has no server info, and what it is given would overtake what is repeated. */
  get connected(): boolean {
    return this.#connected && this.#nc.info !== undefined;
  }

  /** One server keeps the order of what comes by one connection. In a cluster the log may be elsewhere, and move. */
  get keepsOrder(): boolean {
    return this.#nc.info?.cluster === undefined;
  }

  get highSeq(): number {
    return this.#highSeq;
  }

  /** Whether nothing that is published has been stored for some time, though the server is there. */
  get stalled(): boolean {
    return this.#stall.stalled;
  }

  /** To be called when the connection is lost: nothing is sent until {@link onReconnect}. */
  onDisconnect(): void {
    this.#connected = false;
  }

  /** To be called when the connection is back: every lane repeats what has no answer, in order, with the same ids. */
  onReconnect(): void {
    this.#connected = true;
    this.#stall.onAnswer();
    this.#flights.clear();
    for (const lane of [...this.#busy.values()]) lane.restart();
  }

  /** The log was made anew: sequences begin again. */
  onEpoch(): void {
    this.#highSeq = 0;
  }

  send(subject: string, flight: Flight): void {
    const token = (this.#nextToken++).toString(36);
    flight.token = token;
    flight.sentAt = performance.now();
    this.#flights.set(token, flight);
    // The library would write to the network for each message: at 10,000 a second an eighth of an edge's time.
    if (this.#outgoing.push({ subject, flight, token }) === 1) setImmediate(() => this.#sendTurn());
  }

  /** Forgets an attempt: its answer, should one come, says nothing to anybody. */
  forget(flight: Flight): void {
    this.#flights.delete(flight.token);
  }

  busy(lane: SenderLane, isBusy: boolean): void {
    if (isBusy) this.#busy.set(lane.key, lane);
    else this.#busy.delete(lane.key);
  }

  /** Resolves when no publish is under way, or after `limitMs`. */
  async idle(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (this.#busy.size > 0 && performance.now() < deadline) await new Promise((done) => setTimeout(done, 10));
  }

  close(): void {
    clearInterval(this.#sweep);
    this.#subscription.unsubscribe();
    for (const lane of [...this.#busy.values()]) lane.abandon();
  }

  #sendTurn(): void {
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    // Lost together with the connection: the reconnect sends them.
    if (!this.connected) return;
    for (const { subject, flight, token } of outgoing) {
      if (this.#flights.get(token) !== flight) continue;
      try {
        this.#nc.publish(subject, flight.data, {
          headers: oneHeader("Nats-Msg-Id", flight.id),
          reply: `${this.#inbox}.${token}`,
        });
      } catch {
        // The connection is open, so it is more than the server takes (max_payload).
        this.#flights.delete(token);
        flight.lane.settle(flight, "refused-size");
      }
    }
  }

  #onAck(msg: Msg): void {
    const token = msg.subject.slice(this.#inbox.length + 1);
    const flight = this.#flights.get(token);
    if (!flight) return;
    this.#flights.delete(token);
    const ack = parseAck(msg);
    if (ack.seq !== undefined && ack.error === undefined) this.#onStored(flight, ack.seq, ack.duplicate === true);
    else this.#settle(flight, outcomeOf(ack));
  }

  #onStored(flight: Flight, seq: number, duplicate: boolean): void {
    const again = !duplicate && seq <= this.#highSeq;
    if (seq > this.#highSeq) this.#highSeq = seq;
    // After a repeat nobody can tell the sender's own first attempt from an earlier send.
    const stored = (epoch: string): Stored => ({ seq, epoch, duplicate: duplicate && flight.attempts === 1 });
    if (again) {
      this.#identity.check().then(
        (epoch) => this.#settle(flight, stored(epoch)),
        () => this.#settle(flight, "failed"),
      );
    } else {
      this.#settle(flight, stored(this.#identity.epoch()));
    }
  }

  #settle(flight: Flight, result: Stored | Outcome): void {
    if (result === "failed") this.#stall.onFailure(flight.sentAt);
    else this.#stall.onAnswer();
    flight.lane.settle(flight, result);
  }

  #onSweep(): void {
    const now = performance.now();
    if (this.connected) {
      for (const flight of this.#flights.values()) {
        // Tokens are in the order of sending: the first young one ends the search.
        if (now - flight.sentAt < ACK_LIMIT_MS) break;
        this.#flights.delete(flight.token);
        this.#settle(flight, "failed");
      }
    }
    for (const lane of [...this.#busy.values()]) lane.expire(now);
  }
}

function parseAck(msg: Msg): PubAck {
  if (msg.data.length === 0) return { error: { code: headerStatus(headerText(msg)) || 503 } };
  try {
    return msg.json<PubAck>();
  } catch {
    return { error: { code: 500 } };
  }
}

function outcomeOf(ack: PubAck): Outcome {
  const code = ack.error?.err_code ?? 0;
  const limitReached = code === STORE_FAILED && ack.error?.description?.startsWith("maximum ") === true;
  if (limitReached || OUT_OF_STORAGE.has(code)) return "refused-full";
  return code === MESSAGE_TOO_LARGE ? "refused-size" : "failed";
}
