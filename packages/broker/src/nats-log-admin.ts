import { setTimeout as delay } from "node:timers/promises";
import { encodeEvent, type LogEvent, ProtocolError, type Rule } from "@madang/protocol";
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { isApiError } from "./api-errors.ts";
import type { NatsSettings } from "./connect.ts";
import type { EdgeReport } from "./control.ts";
import { DirectGet, type SubjectRecord } from "./direct-get.ts";
import { durableName } from "./durable.ts";
import { Link } from "./link.ts";
import type { LogAdmin } from "./log-admin.ts";
import type { OnFailure } from "./opening.ts";
import { reasonOf } from "./reason.ts";
import { RuleBook } from "./rule-book.ts";
import { ruleSubject, rulesConfig } from "./rule-stream.ts";
import type { Rules } from "./rules.ts";
import { ensureStream, type LogSettings, renewEpoch, type StreamIdentity } from "./stream-config.ts";
import { EDGE_SUBJECTS, LOG_SUBJECTS, logSubject, STREAM } from "./subjects.ts";

const API_LIMIT_MS = 5000;
const OPEN_RETRY_MS = 1000;
/** An edge that has not reported for this long is not listed. */
const EDGE_SILENCE_MS = 12_000;
const SCAN_BATCH = 500;
const SCAN_ATTEMPTS = 5;
const SCAN_RETRY_MS = 500;
const SCAN_MAX_BYTES = 1024 * 1024;
const CHANGE_ATTEMPTS = 5;
const CONFLICT = "Others are changing this at the same moment. Look at its present state, and try again.";

/** What there is once NATS was reached. */
interface Parts {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly js: JetStreamClient;
  readonly direct: DirectGet;
}

/**
 * Opens the moderators' connection. Creates the stream of rules, and the log, where they are missing.
 * {@link Opening.ready} resolves when all rules are read.
 * @param onFailure told why, every few seconds while it is not ready, and while NATS cannot be reached
 */
export function openLogAdmin(nats: NatsSettings, settings: LogSettings, onFailure: OnFailure = () => {}): LogAdmin {
  return new NatsLogAdmin(nats, settings, onFailure);
}

class NatsLogAdmin implements LogAdmin {
  readonly ready: Promise<void>;
  readonly #inboxPrefix: string | undefined;
  readonly #settings: LogSettings;
  readonly #onFailure: OnFailure;
  readonly #link: Link;
  readonly #book = new RuleBook();
  readonly #stop = new AbortController();
  #parts: Parts | undefined;
  #isReady = false;
  #trouble: string | undefined = "the rules are being read";
  #changing: Promise<void> = Promise.resolve();
  readonly #edges = new Map<string, { report: EdgeReport; at: number }>();

  readonly rules: Rules = {
    room: (room) => (this.#isReady ? this.#book.room(room) : undefined),
    member: (room, person) => (this.#isReady ? this.#book.member(room, person) : undefined),
    all: () => (this.#isReady ? this.#book.all() : []),
    onChange: (listener) => this.#book.onChange(listener),
  };

  constructor(nats: NatsSettings, settings: LogSettings, onFailure: OnFailure) {
    this.#inboxPrefix = nats.inboxPrefix;
    this.#settings = settings;
    this.#onFailure = onFailure;
    this.#link = new Link(nats, (reason) => onFailure("moderation is not available", new Error(reason)));
    this.ready = this.#open();
    this.ready.catch((error: Error) => {
      this.#trouble = error.message;
      onFailure("moderation is not available", error);
    });
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get connected(): boolean {
    return this.#parts?.direct.connected ?? false;
  }

  get trouble(): string | undefined {
    return this.#link.trouble ?? this.#trouble;
  }

  change<R extends Rule>(of: R, next: (current: R) => R): Promise<void> {
    // One after another: at the same time, those of one process would only make each other's attempts fail.
    const changed = this.#changing.then(() => this.#change(of, next));
    this.#changing = changed.catch(() => {});
    return changed;
  }

  async #change<R extends Rule>(of: R, next: (current: R) => R): Promise<void> {
    const subject = ruleSubject(of);
    const { js } = this.#require();
    if (!this.#isReady) throw new Error(`The rules are not known yet: ${this.trouble}`);
    const book = this.#book;
    for (let attempt = 1; ; attempt++) {
      const known = of.kind === "room" ? book.room(of.room) : book.member(of.room, of);
      const rule = next((known as R | undefined) ?? of);
      const data = Buffer.from(JSON.stringify(rule));
      try {
        const expect = { lastSubjectSequence: book.seqOf(of) };
        const { seq } = await js.publish(subject, data, { expect, timeout: API_LIMIT_MS });
        book.apply(seq, data, subject);
        return;
      } catch (error) {
        if (!isApiError(error, "wrongLastSequence")) throw error;
        if (attempt === CHANGE_ATTEMPTS) throw new ProtocolError("conflict", { message: CONFLICT, cause: error });
        await book.read();
      }
    }
  }

  async publish(event: LogEvent, id: string): Promise<{ seq: number }> {
    const { js } = this.#require();
    const options = { msgID: id, timeout: API_LIMIT_MS };
    return { seq: (await js.publish(logSubject(event.room), encodeEvent(event), options)).seq };
  }

  async log(): Promise<StreamIdentity> {
    return ensureStream(this.#require().jsm, this.#settings);
  }

  async renewLog(reached: { epoch: string; seq: number }): Promise<boolean> {
    const old = await renewEpoch(this.#require().jsm, this.#settings, reached);
    if (old === undefined) return false;
    // A persistence service that still fetches by the old consumer notices that it is gone.
    await this.rereadLog(old);
    return true;
  }

  async rereadLog(epoch: string): Promise<void> {
    // The persistence services create it again.
    await this.#require()
      .jsm.consumers.delete(STREAM, durableName(epoch))
      .catch((error: unknown) => {
        if (!isApiError(error, "consumerNotFound")) throw error;
      });
  }

  async scan(room: string | undefined, seq: number): Promise<SubjectRecord[]> {
    const subject = room === undefined ? LOG_SUBJECTS : logSubject(room);
    for (let attempt = 1; ; attempt++) {
      const { nc, direct } = this.#require();
      const records = await direct.next(subject, seq, SCAN_BATCH, SCAN_MAX_BYTES);
      // In a cluster any server that has a copy answers, even one that is behind the others.
      const isSure = nc.info?.cluster === undefined || attempt === SCAN_ATTEMPTS;
      if (records.length > 0 || isSure) return records;
      await delay(SCAN_RETRY_MS);
    }
  }

  async at(seq: number): Promise<SubjectRecord | undefined> {
    const [next] = await this.#require().direct.next(LOG_SUBJECTS, seq, 1, SCAN_MAX_BYTES);
    return next?.seq === seq ? next : undefined;
  }

  async erase(seq: number): Promise<void> {
    const { jsm } = this.#require();
    try {
      await jsm.streams.deleteMessage(STREAM, seq, true);
    } catch (error) {
      if (!isApiError(error, "noMessage")) throw error;
    }
  }

  edges(): readonly EdgeReport[] {
    const since = performance.now() - EDGE_SILENCE_MS;
    for (const [id, { at }] of this.#edges) if (at < since) this.#edges.delete(id);
    return [...this.#edges.values()].map(({ report }) => report);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#book.close();
    this.#parts?.direct.close();
    await this.#link.close();
  }

  #require(): Parts {
    if (!this.#parts || !this.connected) throw new Error("NATS cannot be reached");
    return this.#parts;
  }

  async #open(): Promise<void> {
    const nc = await this.#link.opened;
    if (!nc) return;
    const jsm = await jetstreamManager(nc, { checkAPI: false, timeout: API_LIMIT_MS });
    const direct = new DirectGet(nc, this.#inboxPrefix);
    this.#parts = { nc, jsm, js: jetstream(nc, { timeout: API_LIMIT_MS }), direct };
    this.#book.connect(nc, jsm, this.#inboxPrefix);
    this.#link.onDisconnect(() => {
      direct.onDisconnect();
      this.#book.onDisconnect();
    });
    this.#link.onReconnect(() => {
      direct.onReconnect();
      this.#book.onReconnect();
    });
    nc.subscribe(`${EDGE_SUBJECTS}.*`, {
      callback: (error, msg) => {
        if (!error) this.#onReport(msg.data);
      },
    });
    await this.#readRules(jsm);
  }

  async #readRules(jsm: JetStreamManager): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#ensureRules(jsm);
        await ensureStream(jsm, this.#settings);
        await this.#book.read();
        this.#trouble = undefined;
        this.#isReady = true;
        return;
      } catch (error) {
        this.#trouble = reasonOf(error) ?? (error as Error).message;
        this.#onFailure("the rules cannot be read", new Error(this.#trouble, { cause: error }));
        await delay(OPEN_RETRY_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #ensureRules(jsm: JetStreamManager): Promise<void> {
    const config = rulesConfig(this.#settings.replicas);
    try {
      await jsm.streams.add(config);
    } catch (error) {
      // It exists. Other settings than ours are an operator's decision.
      if (!isApiError(error, "streamNameInUse")) throw error;
    }
  }

  #onReport(data: Uint8Array): void {
    try {
      const report = JSON.parse(Buffer.from(data).toString("utf8")) as EdgeReport;
      const numbers = [report.connections, report.rooms, report.stored].every(Number.isFinite);
      if (numbers && typeof report.id === "string") this.#edges.set(report.id, { report, at: performance.now() });
    } catch {
      // Not a report of an edge.
    }
  }
}
