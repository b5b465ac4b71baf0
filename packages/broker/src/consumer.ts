import { setTimeout as delay } from "node:timers/promises";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { connectTelling, type NatsSettings, tellWhyNot } from "./connect.ts";
import { ACK_WAIT_MS, type Durable, ensureDurable, type FoundLog, parseAckSubject } from "./durable.ts";
import { PullSession, type Space } from "./pull-session.ts";
import { reasonOf } from "./reason.ts";
import type { LogSettings } from "./stream-config.ts";
import { roomOfSubject, STREAM } from "./subjects.ts";

/** An event of the log on its way into the store. */
export interface ConsumedRecord {
  /** As the subject spells it; `undefined` when the subject is no room's. */
  readonly room: string | undefined;
  readonly subject: string;
  readonly epoch: string;
  readonly seq: number;
  readonly data: Uint8Array;
  /** 1 at the first delivery. */
  readonly deliveries: number;
}

/**
 * Takes a batch into the store. When it resolves, the batch is acknowledged and never comes again: everything in it
 * must be durable by then. When it rejects, the batch comes again, to this instance or another.
 * @param isOurs false when this process has stood still for so long that the batch has gone to another instance: what it
 *   has not written by then may have been written, and erased since
 */
export type Project = (records: readonly ConsumedRecord[], isOurs: () => boolean) => Promise<void>;

/** The log as persistence sees it: every event at least once, to one of the instances that share the consumer. */
export interface LogConsumer {
  /** Whether the log can be reached now. */
  readonly connected: boolean;
  /** Why nothing can be read from it now, for operators, where that is known; `undefined` when all is well. */
  readonly trouble: string | undefined;

  /**
   * Hands every event of the log to `project`, at least once, in batches, two of them at a time: no order may be relied
   * on. Survives restarts of NATS, the loss of the consumer and of the whole log (it makes them anew, with a new epoch),
   * and outages of any length on both sides.
   */
  start(project: Project): void;

  /**
   * Has the log be seen by `accept` once more before anything else of it is fetched; what waits is given back.
   * @param why for operators
   */
  recheckLog(why: string): void;

  /**
   * Everything of this epoch up to `seq` has been projected, by whichever instance: a true lower bound, never a guess.
   * @throws when the log cannot be asked now
   */
  ackFloor(): Promise<{ readonly epoch: string; readonly seq: number }>;

  /**
   * Stops fetching, waits for the batches in hand up to `limitMs`, gives back what is left, and closes. Idempotent.
   */
  close(limitMs: number): Promise<void>;
}

export interface ConsumerSettings {
  readonly nats: NatsSettings;
  readonly log: LogSettings;
  /** Sees the log whenever it is found, before anything of it is fetched. When it rejects, it is asked again later. */
  readonly accept?: (log: FoundLog) => Promise<void>;
  /** Told of each failure; what it does about repetition is its own affair. */
  readonly onFailure: (what: string, error: Error) => void;
}

/** Large enough that a busy room's document is written once for many messages: it is what limits ingest. */
const BATCH_RECORDS = 1000;
const BATCHES_IN_FLIGHT = 2;
/** Enough for the batches in flight and one behind them. */
const IN_HAND_RECORDS = (BATCHES_IN_FLIGHT + 1) * BATCH_RECORDS;
/** Records of the usual size never come near this; on the way into the store each is copied a few times. */
const BATCH_BYTES = 8 * 1024 * 1024;
const IN_HAND_BYTES = (BATCHES_IN_FLIGHT + 1) * BATCH_BYTES;
/** More than any record with its subject and headers. */
const LEAST_BYTES = 256 * 1024;
/** After a failure of the store this many are tried first, so that an outage does not shift whole batches to and fro. */
const PROBE_RECORDS = 50;
const PAUSE_FIRST_MS = 250;
const PAUSE_MAX_MS = 5000;
const API_LIMIT_MS = 3000;

const ACK = new TextEncoder().encode("+ACK");
const NAK = new TextEncoder().encode("-NAK");
const WORKING = new TextEncoder().encode("+WPI");

/** Connects in the background: what needs the log fails or waits until it is there. */
export function openConsumer(settings: ConsumerSettings): LogConsumer {
  return new JetStreamConsumer(settings);
}

interface Held extends ConsumedRecord {
  readonly message: Msg;
}

class JetStreamConsumer implements LogConsumer {
  readonly #settings: ConsumerSettings;
  #nc: NatsConnection | undefined;
  #jsm: JetStreamManager | undefined;
  #connected = false;
  #trouble: string | undefined;
  /** Why there is no connection, as far as that is known. */
  #unreachable: string | undefined;
  readonly #opened: Promise<void>;
  #durable: Durable | undefined;
  #session: PullSession | undefined;
  #project: Project | undefined;
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #stop = new AbortController();

  /** Waiting to become a batch. */
  readonly #waiting: Held[] = [];
  /** What waits goes even if it is no full batch: nothing more is on its way. */
  #partialDue = false;
  readonly #inFlight = new Set<readonly Held[]>();
  #onIdle: (() => void) | undefined;
  #renewal: NodeJS.Timeout | undefined;
  /** When the server was last told that what is in hand is being worked on. */
  #renewedAt = performance.now();
  /** How often that was so late that all of it had gone to others. */
  #losses = 0;
  /** Failures of the store in a row. */
  #setbacks = 0;
  /** Ends the pause under way. */
  #wake: (() => void) | undefined;

  constructor(settings: ConsumerSettings) {
    this.#settings = settings;
    this.#opened = this.#connect();
    this.#opened.catch((error: Error) => settings.onFailure("the log cannot be reached", error));
  }

  get connected(): boolean {
    return this.#connected;
  }

  get trouble(): string | undefined {
    return this.#connected ? this.#trouble : this.#unreachable;
  }

  start(project: Project): void {
    this.#project = project;
    this.#renewal = setInterval(() => this.#renew(), ACK_WAIT_MS / 3);
    this.#running ??= this.#run();
  }

  recheckLog(why: string): void {
    this.#answer(this.#waiting.splice(0), NAK);
    this.#session?.end(new Error(why));
  }

  async ackFloor(): Promise<{ epoch: string; seq: number }> {
    const durable = this.#durable;
    if (!this.#connected || !this.#jsm || !durable) throw new Error("the log cannot be reached");
    // When nothing is pending the server sets the floor to the last sequence delivered; until then to the one before
    // the oldest pending. An acknowledgement that got lost only lowers it.
    const info = await this.#jsm.consumers.info(STREAM, durable.name);
    return { epoch: durable.epoch, seq: info.ack_floor.stream_seq };
  }

  close(limitMs: number): Promise<void> {
    this.#closing ??= this.#close(limitMs);
    return this.#closing;
  }

  async #connect(): Promise<void> {
    const nc = await connectTelling(this.#settings.nats, (reason) => this.#onUnreachable(reason));
    if (this.#stop.signal.aborted) return nc.close();
    this.#nc = nc;
    this.#jsm = await jetstreamManager(nc, { checkAPI: false, timeout: API_LIMIT_MS });
    this.#connected = true;
    this.#renew();
    void this.#followConnection(nc);
  }

  #onUnreachable(reason: string): void {
    this.#unreachable = reason;
    if (!this.#stop.signal.aborted) this.#settings.onFailure("the log cannot be reached", new Error(reason));
  }

  async #followConnection(nc: NatsConnection): Promise<void> {
    let stopTelling = () => {};
    for await (const status of nc.status()) {
      if (status.type === "disconnect") {
        this.#connected = false;
        this.#unreachable = undefined;
        stopTelling();
        stopTelling = tellWhyNot(this.#settings.nats, (reason) => this.#onUnreachable(reason));
      }
      if (status.type !== "reconnect") continue;
      stopTelling();
      this.#connected = true;
      this.#renew();
      // Requests died with the old connection, and the log behind the new one may be another.
      this.#session?.end(new Error("reconnected"));
      this.#wake?.();
    }
    stopTelling();
  }

  /** One session after another, with a pause after each that grows while nothing succeeds. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    await Promise.race([this.#opened, aborted(signal)]);
    let failures = 0;
    while (!signal.aborted) {
      try {
        const session = await this.#openSession();
        failures = 0;
        this.#trouble = undefined;
        const reason = await session.ended;
        if (signal.aborted) break;
        this.#settings.onFailure("fetching from the log was interrupted", reason);
      } catch (error) {
        if (signal.aborted) break;
        failures++;
        this.#trouble = reasonOf(error);
        const reason = this.#trouble === undefined ? (error as Error) : new Error(this.#trouble, { cause: error });
        this.#settings.onFailure("the log cannot be consumed", reason);
      }
      this.#session = undefined;
      await this.#pause(Math.max(failures, this.#setbacks, 1));
    }
  }

  async #pause(failures: number): Promise<void> {
    const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(failures - 1, 10));
    const over = new AbortController();
    this.#wake = () => over.abort();
    await delay(pauseMs, undefined, { signal: AbortSignal.any([this.#stop.signal, over.signal]) }).catch(() => {});
    this.#wake = undefined;
  }

  async #openSession(): Promise<PullSession> {
    if (!this.#nc || !this.#jsm || !this.#connected) throw new Error("the log cannot be reached");
    this.#durable = await ensureDurable(this.#jsm, this.#settings.log, this.#settings.accept);
    const { name, epoch } = this.#durable;
    const inbox = createInbox(this.#settings.nats.inboxPrefix);
    this.#session = new PullSession(this.#nc, name, inbox, {
      space: () => this.#space(),
      onMessage: (message) => this.#receive(message, epoch),
      onPause: () => this.#startBatches(true),
    });
    return this.#session;
  }

  #space(): Space {
    const held = [this.#waiting, ...this.#inFlight].flat();
    const records = (this.#setbacks > 0 ? PROBE_RECORDS : IN_HAND_RECORDS) - held.length;
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
      this.#setbacks = 0;
      this.#answer(batch, ACK);
    } catch (error) {
      this.#giveUp(batch, error as Error);
    }
    this.#inFlight.delete(batch);
    this.#startBatches(false);
    if (this.#inFlight.size === 0 && this.#waiting.length === 0) this.#onIdle?.();
    this.#session?.refill();
  }

  /** The store failed: give everything back, for another instance or a later try, and pause. */
  #giveUp(batch: readonly Held[], error: Error): void {
    this.#answer(batch, NAK);
    this.#answer(this.#waiting.splice(0), NAK);
    this.#settings.onFailure("a batch could not be stored", error);
    if (!this.#session) return;
    // Batches that fail together are one setback.
    this.#setbacks++;
    this.#session.end(new Error("the store failed"));
    this.#session = undefined;
  }

  #isLate(): boolean {
    return performance.now() - this.#renewedAt >= ACK_WAIT_MS;
  }

  #renew(): void {
    if (!this.#connected) return;
    if (this.#isLate()) {
      this.#losses++;
      this.#answer(this.#waiting.splice(0), NAK);
    }
    this.#renewedAt = performance.now();
    for (const batch of this.#inFlight) this.#answer(batch, WORKING);
    this.#answer(this.#waiting, WORKING);
  }

  /** An answer that gets lost is made up for by a redelivery. */
  #answer(records: readonly Held[], answer: Uint8Array): void {
    if (!this.#nc || this.#nc.isClosed()) return;
    for (const { message } of records) message.respond(answer);
  }

  async #close(limitMs: number): Promise<void> {
    this.#stop.abort();
    const limit = delay(limitMs, undefined, { ref: false });
    await Promise.race([this.#drain(), limit]);
    this.#answer([...this.#waiting.splice(0), ...[...this.#inFlight].flat()], NAK);
    clearInterval(this.#renewal);
    const nc = this.#nc;
    this.#nc = undefined;
    if (!nc) return;
    if (this.#connected) await Promise.race([nc.flush(), limit]);
    this.#connected = false;
    await nc.close();
  }

  async #drain(): Promise<void> {
    if (this.#connected) await this.#session?.drain();
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

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
