import { setTimeout as delay } from "node:timers/promises";
import { Backoff } from "@madang/runtime/backoff";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { ACK_WAIT_MS, type Durable, ensureDurable, parseAckSubject } from "./durable.ts";
import { Link } from "./link.ts";
import type { ConsumedRecord, ConsumerSettings, LogConsumer, Project } from "./log-consumer.ts";
import { PullSession, type Space } from "./pull-session.ts";
import { reasonOf } from "./reason.ts";
import { RecentAcks } from "./recent-acks.ts";
import { roomOfSubject, STREAM } from "./subjects.ts";

/** Large enough that a busy room's document is written once for many messages: that write limits ingest. */
const BATCH_RECORDS = 1000;
const BATCHES_IN_FLIGHT = 2;
/** Enough for the batches in flight and one behind them. */
const IN_HAND_RECORDS = (BATCHES_IN_FLIGHT + 1) * BATCH_RECORDS;
/** Records of the usual size stay far below this. On the way into the store each is copied a few times. */
const BATCH_BYTES = 8 * 1024 * 1024;
const IN_HAND_BYTES = (BATCHES_IN_FLIGHT + 1) * BATCH_BYTES;
/** More than any record with its subject and headers: with less space a request might never get an answer. */
const LEAST_BYTES = 256 * 1024;
/** After a failure of the store this many are tried first, so that an outage does not move whole batches to and fro. */
const PROBE_RECORDS = 50;
/** Between two sessions, while neither a fetch nor the store succeeds. */
const PAUSES = { firstMs: 250, lastMs: 5000 };
const API_LIMIT_MS = 3000;

const ACK = new TextEncoder().encode("+ACK");
const NAK = new TextEncoder().encode("-NAK");
const WORKING = new TextEncoder().encode("+WPI");

/** Opens the log for persistence. Nothing is fetched before {@link LogConsumer.start}. */
export function openConsumer(settings: ConsumerSettings): LogConsumer {
  return new JetStreamConsumer(settings);
}

interface Held extends ConsumedRecord {
  readonly message: Msg;
}

class JetStreamConsumer implements LogConsumer {
  readonly ready: Promise<void>;
  readonly #settings: ConsumerSettings;
  readonly #link: Link;
  readonly #fetching = Promise.withResolvers<void>();
  #jsm: JetStreamManager | undefined;
  #isReady = false;
  #trouble: string | undefined;
  #durable: Durable | undefined;
  #session: PullSession | undefined;
  #project: Project | undefined;
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #stop = new AbortController();

  /** Waiting to become a batch. */
  readonly #waiting: Held[] = [];
  /** The records that wait go into a batch even if it is not full: no more are on their way. */
  #partialDue = false;
  readonly #inFlight = new Set<readonly Held[]>();
  #onIdle: (() => void) | undefined;
  #renewal: NodeJS.Timeout | undefined;
  /** When the server was last told that the records in hand are being worked on. */
  #renewedAt = performance.now();
  /** How often a renewal was so late that all records had gone to other instances. */
  #losses = 0;
  /** The store failed, and has not succeeded since. */
  #storeFails = false;
  readonly #backoff = new Backoff(PAUSES);
  readonly #recentAcks = new RecentAcks();
  /** Reject requests that wait for an answer of the log's server. */
  readonly #rejections = new Set<(error: Error) => void>();
  /** Ends the pause under way. */
  #wake: (() => void) | undefined;

  constructor(settings: ConsumerSettings) {
    this.#settings = settings;
    this.#link = new Link(settings.nats, (reason) =>
      settings.onFailure("the log cannot be reached", new Error(reason)),
    );
    this.#link.onReconnect(() => this.#onReconnect());
    this.#link.onDisconnect(() => {
      for (const reject of this.#rejections) reject(new Error("the connection to the log was lost"));
    });
    this.ready = Promise.all([this.#connect(), this.#fetching.promise]).then(() => {});
    this.ready.catch((error: Error) => settings.onFailure("the log cannot be reached", error));
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  get trouble(): string | undefined {
    return this.#link.trouble ?? this.#trouble;
  }

  start(project: Project): void {
    this.#project = project;
    this.#renewal = setInterval(() => this.#renew(), ACK_WAIT_MS / 3);
    if (this.#jsm) this.#running ??= this.#run();
  }

  recheckLog(why: string): void {
    this.#answer(this.#waiting.splice(0), NAK);
    this.#session?.end(new Error(why));
  }

  async ackFloor(): Promise<{ epoch: string; seq: number; head: number }> {
    const durable = this.#durable;
    if (!this.connected || !this.#jsm || !durable) throw new Error("the log cannot be reached");
    // While records are pending, the server reports the sequence before the oldest of them, and otherwise the last one
    // delivered. A lost acknowledgement only lowers it.
    const info = await this.#whileConnected(this.#jsm.consumers.info(STREAM, durable.name));
    return {
      epoch: durable.epoch,
      seq: info.ack_floor.stream_seq,
      head: info.delivered.stream_seq + info.num_pending,
    };
  }

  close(limitMs: number): Promise<void> {
    this.#closing ??= this.#close(limitMs);
    return this.#closing;
  }

  async #connect(): Promise<void> {
    const nc = await this.#link.opened;
    if (!nc) return;
    this.#jsm = await jetstreamManager(nc, { checkAPI: false, timeout: API_LIMIT_MS });
    this.#renew();
    this.#running ??= this.#project && this.#run();
  }

  #onReconnect(): void {
    this.#renew();
    // Requests died with the old connection, and the log behind the new one may be another.
    this.#session?.end(new Error("reconnected"));
    // What failed without a connection says nothing about the next attempt.
    if (!this.#storeFails) this.#backoff.reset();
    this.#wake?.();
  }

  /** Runs one session after another. The pauses between them grow while nothing succeeds. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        const session = await this.#openSession();
        if (!this.#storeFails) this.#backoff.reset();
        this.#trouble = undefined;
        this.#isReady = true;
        this.#fetching.resolve();
        const reason = await session.ended;
        if (signal.aborted) break;
        this.#settings.onFailure("fetching from the log was interrupted", reason);
      } catch (error) {
        if (signal.aborted) break;
        this.#trouble = reasonOf(error);
        const reason = this.#trouble === undefined ? (error as Error) : new Error(this.#trouble, { cause: error });
        this.#settings.onFailure("the log cannot be consumed", reason);
      }
      this.#session = undefined;
      await this.#pause(this.#backoff.next());
    }
  }

  async #pause(pauseMs: number): Promise<void> {
    const over = new AbortController();
    this.#wake = () => over.abort();
    await delay(pauseMs, undefined, { signal: AbortSignal.any([this.#stop.signal, over.signal]) }).catch(() => {});
    this.#wake = undefined;
  }

  async #openSession(): Promise<PullSession> {
    const { nc, connected } = this.#link;
    if (!nc || !this.#jsm || !connected) throw new Error("the log cannot be reached");
    this.#durable = await ensureDurable(this.#jsm, this.#settings.log, this.#settings.accept);
    const { name, epoch } = this.#durable;
    this.#recoverLostAcks(nc);
    const inbox = createInbox(this.#settings.nats.inboxPrefix);
    this.#session = new PullSession(nc, name, inbox, {
      space: () => this.#space(),
      onMessage: (message) => this.#receive(message, epoch),
      onPause: () => this.#startBatches(true),
    });
    return this.#session;
  }

  /**
   * Gives recently acknowledged records back. The server ignores that where it knows the acknowledgement. Otherwise it
   * would redeliver the record only after {@link ACK_WAIT_MS}, and the floor would stay before it. A second
   * acknowledgement would be no faster, and could move the floor too far in a server that lost more than that.
   */
  #recoverLostAcks(nc: NatsConnection): void {
    for (const subject of this.#recentAcks.take()) nc.publish(subject, NAK);
  }

  /** Rejects when the connection is lost. The library would let the request wait until its time limit. */
  #whileConnected<T>(request: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#rejections.add(reject);
      request.then(resolve, reject).finally(() => this.#rejections.delete(reject));
    });
  }

  #space(): Space {
    const held = [this.#waiting, ...this.#inFlight].flat();
    const records = (this.#storeFails ? PROBE_RECORDS : IN_HAND_RECORDS) - held.length;
    const bytes = IN_HAND_BYTES - held.reduce((sum, { data }) => sum + data.length, 0);
    return { records: Math.min(records, BATCH_RECORDS), bytes: bytes < LEAST_BYTES ? 0 : Math.min(bytes, BATCH_BYTES) };
  }

  #receive(message: Msg, epoch: string): void {
    const place = parseAckSubject(message.reply ?? "");
    if (!place) return;
    const { subject } = message;
    this.#waiting.push({ room: roomOfSubject(subject), subject, epoch, ...place, data: message.data, message });
  }

  #startBatches(partial: boolean): void {
    this.#partialDue ||= partial;
    while (this.#inFlight.size < BATCHES_IN_FLIGHT && this.#waiting.length >= (this.#partialDue ? 1 : BATCH_RECORDS)) {
      void this.#write(this.#waiting.splice(0, BATCH_RECORDS));
    }
    if (this.#waiting.length === 0) this.#partialDue = false;
  }

  async #write(batch: readonly Held[]): Promise<void> {
    this.#inFlight.add(batch);
    try {
      const losses = this.#losses;
      await this.#project!(batch, () => this.#losses === losses && !this.#isLate());
      if (this.#storeFails) this.#backoff.reset();
      this.#storeFails = false;
      this.#answer(batch, ACK);
      this.#recentAcks.add(batch.map(({ message }) => message));
    } catch (error) {
      this.#giveUp(batch, error as Error);
    }
    this.#inFlight.delete(batch);
    this.#startBatches(false);
    if (this.#inFlight.size === 0 && this.#waiting.length === 0) this.#onIdle?.();
    this.#session?.refill();
  }

  /** After a failure of the store: gives everything back, for another instance or a later attempt, and pauses. */
  #giveUp(batch: readonly Held[], error: Error): void {
    this.#answer(batch, NAK);
    this.#answer(this.#waiting.splice(0), NAK);
    this.#settings.onFailure("a batch could not be stored", error);
    if (!this.#session) return;
    this.#storeFails = true;
    this.#session.end(new Error("the store failed"));
    this.#session = undefined;
  }

  #isLate(): boolean {
    return performance.now() - this.#renewedAt >= ACK_WAIT_MS;
  }

  #renew(): void {
    if (!this.connected) return;
    if (this.#isLate()) {
      this.#losses++;
      this.#answer(this.#waiting.splice(0), NAK);
    }
    this.#renewedAt = performance.now();
    for (const batch of this.#inFlight) this.#answer(batch, WORKING);
    this.#answer(this.#waiting, WORKING);
  }

  /** A lost answer costs a redelivery, nothing else. */
  #answer(records: readonly Held[], answer: Uint8Array): void {
    if (!this.#link.nc || this.#link.nc.isClosed()) return;
    for (const { message } of records) message.respond(answer);
  }

  async #close(limitMs: number): Promise<void> {
    this.#stop.abort();
    const limit = delay(limitMs, undefined, { ref: false });
    await Promise.race([this.#drain(), limit]);
    this.#answer([...this.#waiting.splice(0), ...[...this.#inFlight].flat()], NAK);
    clearInterval(this.#renewal);
    if (this.connected) await Promise.race([this.#link.nc?.flush(), limit]);
    await this.#link.close();
    this.#fetching.resolve();
  }

  async #drain(): Promise<void> {
    if (this.connected) await this.#session?.drain();
    else this.#session?.end(new Error("closed"));
    await this.#running;
    this.#startBatches(true);
    if (this.#inFlight.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }
}
