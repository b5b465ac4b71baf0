import { randomBytes } from "node:crypto";
import { isSameSend } from "@madang/protocol";
import { createInbox, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import type { SubjectRecord } from "./direct-get.ts";
import type { Lane, Stored } from "./log.ts";
import { headerStatus, headersOf, headerText, headerValue } from "./raw-message.ts";
import { type Flight, type LaneHost, type Outcome, SenderLane } from "./sender-lane.ts";
import { StallDetector } from "./stall-detector.ts";

/** The server's answer to a publish (ADR-10, ADR-22). */
interface PubAck {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly code: number; readonly err_code?: number; readonly description?: string };
}

const SWEEP_INTERVAL_MS = 250;
/** On a live connection an acknowledgement takes milliseconds. After this time the lane repeats the attempt. */
const ACK_LIMIT_MS = 5000;
/** Out of storage: for the account, the stream, or the whole server (which calls it "insufficient resources"). */
const OUT_OF_STORAGE = new Set([10047, 10002, 10023]);
/** "Store failed", with the reason in the text: a limit of the stream, or an error of the disk. */
const STORE_FAILED = 10077;
const MESSAGE_TOO_LARGE = 10054;
/** Names the call that stored an event. A repeat of the call finds it in the log. */
const SEND_HEADER = "Madang-Send";
const MARK_BYTES = 6;

/** The questions that a publisher has about stored events. */
export interface StoredEvents {
  epoch(): string;
  /** Asks JetStream for the present epoch. */
  check(): Promise<string>;
  /** As {@link DirectGet.at}. */
  at(seq: number): Promise<SubjectRecord | undefined>;
}

/**
 * Publishes into the stream over one inbox, with a token for each message and one timer for all time limits. Messages of
 * many lanes are in flight at once; each {@link SenderLane} keeps its own order.
 */
export class Publisher implements LaneHost {
  readonly #nc: NatsConnection;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #flights = new Map<string, Flight>();
  /** Messages of this turn of the event loop, with their tokens. */
  #outgoing: { readonly subject: string; readonly flight: Flight; readonly token: string }[] = [];
  /** Lanes with unacknowledged messages. A lane without a sender is its own key. */
  readonly #busy = new Map<string | SenderLane, SenderLane>();
  readonly #sweep: NodeJS.Timeout;
  readonly #log: StoredEvents;
  readonly #stall = new StallDetector();
  readonly #mark = randomBytes(MARK_BYTES).toString("base64url");
  #connected = true;
  #nextToken = 0;
  #nextMark = 0;
  /** The highest sequence that this process stored. A lower one later means that the log was created anew. */
  #highSeq = 0;

  constructor(nc: NatsConnection, log: StoredEvents, inboxPrefix?: string) {
    this.#nc = nc;
    this.#log = log;
    this.#inbox = createInbox(inboxPrefix);
    this.#subscription = nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, msg) => {
        if (!error) this.#onAck(msg);
      },
    });
    this.#sweep = setInterval(() => this.#onSweep(), SWEEP_INTERVAL_MS);
  }

  /** The sender's busy lane for the subject, or a new one. */
  lane(subject: string, sender?: string): Lane {
    const lane = new SenderLane(this, subject, sender);
    return this.#busy.get(lane.key) ?? lane;
  }

  /**
   * Whether a publish reaches the server now. While the library dials, it has no server info, and a message that it
   * queues then would overtake those that a lane repeats.
   */
  get connected(): boolean {
    return this.#connected && this.#nc.info !== undefined;
  }

  /** One server keeps the order of one connection's messages. In a cluster the log's leader may be another server, and move. */
  get keepsOrder(): boolean {
    return this.#nc.info?.cluster === undefined;
  }

  get highSeq(): number {
    return this.#highSeq;
  }

  /** Whether the log has stored nothing for some time although the server answers. */
  get stalled(): boolean {
    return this.#stall.stalled;
  }

  /** To be called when the connection is lost. The publisher sends nothing until {@link onReconnect}. */
  onDisconnect(): void {
    this.#connected = false;
  }

  /** To be called when the connection is back. Every lane repeats its unacknowledged messages, in order, with the same ids. */
  onReconnect(): void {
    this.#connected = true;
    this.#stall.onAnswer();
    this.#flights.clear();
    for (const lane of [...this.#busy.values()]) lane.restart();
  }

  /** To be called when the log is another one: sequences begin again. */
  onEpoch(): void {
    this.#highSeq = 0;
  }

  send(subject: string, flight: Flight): void {
    const token = (this.#nextToken++).toString(36);
    flight.token = token;
    flight.mark ||= `${this.#mark}${(this.#nextMark++).toString(36)}`;
    flight.sentAt = performance.now();
    this.#flights.set(token, flight);
    // One network write for a whole turn. A write for each message takes an eighth of an edge's time at 10,000 messages/s.
    if (this.#outgoing.push({ subject, flight, token }) === 1) setImmediate(() => this.#sendTurn());
  }

  /** Ignores the answer to an attempt, should it still arrive. */
  forget(flight: Flight): void {
    this.#flights.delete(flight.token);
  }

  busy(lane: SenderLane, isBusy: boolean): void {
    if (isBusy) this.#busy.set(lane.key, lane);
    else this.#busy.delete(lane.key);
  }

  /** Resolves when no publish is in flight, or after `limitMs` milliseconds. */
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
    // The connection is lost: the lanes send them after the reconnect.
    if (!this.connected) return;
    for (const { subject, flight, token } of outgoing) {
      if (this.#flights.get(token) !== flight) continue;
      try {
        this.#nc.publish(subject, flight.data, {
          headers: headersOf({ "Nats-Msg-Id": flight.id, [SEND_HEADER]: flight.mark }),
          reply: `${this.#inbox}.${token}`,
        });
      } catch {
        // The connection is open, so the message exceeds the server's max_payload.
        this.#flights.delete(token);
        flight.lane.settle(flight, "refused-size");
      }
    }
  }

  #onAck(msg: Msg): void {
    const token = msg.subject.slice(this.#inbox.length + 1);
    const flight = this.#flights.get(token);
    if (!flight) return;
    const ack = parseAck(msg);
    if (ack.seq === undefined || ack.error !== undefined) return this.#settle(flight, outcomeOf(ack));
    const { seq, duplicate } = ack;
    const again = !duplicate && seq <= this.#highSeq;
    if (seq > this.#highSeq) this.#highSeq = seq;
    if (duplicate) this.#settleLater(flight, token, this.#recognise(flight, seq));
    else if (again)
      this.#settleLater(
        flight,
        token,
        this.#log.check().then((epoch) => stored(seq, epoch)),
      );
    else this.#settle(flight, stored(seq, this.#log.epoch()));
  }

  /** The log knows the id: compares the message with the event that the log holds. */
  async #recognise(flight: Flight, seq: number): Promise<Stored | Outcome> {
    const kept = await this.#log.at(seq);
    // An empty answer comes from a replica that is behind: try again.
    if (!kept) return "failed";
    if (kept.seq !== seq) return "conflict";
    const { epoch } = this.#log;
    if (headerValue(kept.headers, SEND_HEADER) === flight.mark) return stored(seq, epoch());
    return isSameSend(kept.data, flight.data) ? stored(seq, epoch(), true) : "conflict";
  }

  /** Does nothing if the attempt was abandoned meanwhile. */
  #settleLater(flight: Flight, token: string, result: Promise<Stored | Outcome>): void {
    const settle = (result: Stored | Outcome) => {
      if (this.#flights.get(token) === flight) this.#settle(flight, result);
    };
    result.then(settle, () => settle("failed"));
  }

  #settle(flight: Flight, result: Stored | Outcome): void {
    this.#flights.delete(flight.token);
    if (result === "failed") this.#stall.onFailure(flight.sentAt);
    else this.#stall.onAnswer();
    flight.lane.settle(flight, result);
  }

  #onSweep(): void {
    const now = performance.now();
    if (this.connected) {
      for (const flight of this.#flights.values()) {
        // Ordered by the time of sending: the first recent one ends the search.
        if (now - flight.sentAt < ACK_LIMIT_MS) break;
        this.#settle(flight, "failed");
      }
    }
    for (const lane of [...this.#busy.values()]) lane.expire(now);
  }
}

function stored(seq: number, epoch: string, duplicate = false): Stored {
  return { seq, epoch, duplicate };
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
