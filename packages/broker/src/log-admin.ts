import { setTimeout as delay } from "node:timers/promises";
import { encodeEvent, type LogEvent, ProtocolError, type Rule } from "@madang/protocol";
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { isApiError } from "./api-errors.ts";
import { connectTelling, type NatsSettings } from "./connect.ts";
import { EDGE_SUBJECTS, type EdgeReport } from "./control.ts";
import { DirectGet, type SubjectRecord } from "./direct-get.ts";
import { durableName } from "./durable.ts";
import { RuleBook, type Rules, ruleSubject, rulesConfig } from "./rules.ts";
import { ensureStream, type LogSettings, renewEpoch, type StreamIdentity } from "./stream-config.ts";
import { LOG_SUBJECTS, logSubject, STREAM } from "./subjects.ts";

const API_LIMIT_MS = 5000;
const OPEN_RETRY_MS = 1000;
/** An edge that has said nothing for so long is not counted any more. */
const EDGE_SILENCE_MS = 12_000;
const SCAN_BATCH = 500;
const SCAN_ATTEMPTS = 5;
const SCAN_RETRY_MS = 500;
const SCAN_MAX_BYTES = 1024 * 1024;
const CHANGE_ATTEMPTS = 5;
const CONFLICT = "Others are changing this at the same moment: look at it, and do it again.";

/** The moderators' way to NATS: what only the role "admin" may do. Every method fails while NATS cannot be reached. */
export interface LogAdmin {
  readonly connected: boolean;
  readonly rules: Rules;

  /** Resolves when the rules are known. */
  readonly opened: Promise<void>;

  /**
   * Replaces a rule by what `next` makes of it. Stored and on its way to every edge when this resolves. Of two at once
   * neither is lost: `next` may be called again with what the other one made.
   * @throws ProtocolError `conflict`: others kept changing it
   */
  change<R extends Rule>(of: R, next: (current: R) => R): Promise<void>;

  /** Puts an event into its room's log. Repeated with the same id within two minutes it is stored once. */
  publish(event: LogEvent, id: string): Promise<{ readonly seq: number }>;

  log(): Promise<StreamIdentity>;

  /**
   * Gives the log a new epoch where it ends before a place that it had reached, as a restored copy does: everybody is told
   * then, as when a log is made anew. Does nothing where it does not. With a sequence of `Infinity` it always does, in that epoch.
   * @returns whether there was reason to
   */
  renewLog(reached: { readonly epoch: string; readonly seq: number }): Promise<boolean>;

  /** Has persistence read the log of this epoch again, from its beginning. */
  rereadLog(epoch: string): Promise<void>;

  /** Events of a room, or of all, from `seq` on; at most some hundreds. None says nothing about what was stored just now. */
  scan(room: string | undefined, seq: number): Promise<SubjectRecord[]>;

  /** The event with that sequence; `undefined` when it is there no more. */
  at(seq: number): Promise<SubjectRecord | undefined>;

  /** Takes an event out of the log and overwrites its bytes. Harmless when it is gone already. */
  erase(seq: number): Promise<void>;

  /** The edges that live, as of their last word. */
  edges(): readonly EdgeReport[];

  /** Idempotent. */
  close(): Promise<void>;
}

/** Connects in the background. Makes the stream of rules, and the log, where they are missing. */
export function openLogAdmin(
  nats: NatsSettings,
  settings: LogSettings,
  onFailure: (what: string, error: Error) => void,
): LogAdmin {
  return new NatsLogAdmin(nats, settings, onFailure);
}

class NatsLogAdmin implements LogAdmin {
  readonly opened: Promise<void>;
  readonly #nats: NatsSettings;
  readonly #settings: LogSettings;
  #nc: NatsConnection | undefined;
  #jsm!: JetStreamManager;
  #js!: JetStreamClient;
  #book: RuleBook | undefined;
  #direct: DirectGet | undefined;
  #closed = false;
  #changing: Promise<void> = Promise.resolve();
  readonly #edges = new Map<string, { report: EdgeReport; at: number }>();
  readonly #listeners: ((rule: Rule) => void)[] = [];

  readonly rules: Rules = {
    room: (room) => this.#book?.room(room),
    member: (room, person) => this.#book?.member(room, person),
    all: () => this.#book?.all() ?? [],
    onChange: (listener) => {
      this.#listeners.push(listener);
    },
  };

  constructor(nats: NatsSettings, settings: LogSettings, onFailure: (what: string, error: Error) => void) {
    this.#nats = nats;
    this.#settings = settings;
    this.opened = this.#open(onFailure);
    this.opened.catch((error: Error) => onFailure("moderators cannot reach NATS", error));
  }

  get connected(): boolean {
    return this.#direct?.connected ?? false;
  }

  change<R extends Rule>(of: R, next: (current: R) => R): Promise<void> {
    // In turn: at once, those of one process would only undo each other's attempts.
    const changed = this.#changing.then(() => this.#change(of, next));
    this.#changing = changed.catch(() => {});
    return changed;
  }

  async #change<R extends Rule>(of: R, next: (current: R) => R): Promise<void> {
    const subject = ruleSubject(of);
    const book = this.#require(this.#book);
    for (let attempt = 1; ; attempt++) {
      const known = of.kind === "room" ? book.room(of.room) : book.member(of.room, of);
      const rule = next((known as R | undefined) ?? of);
      const data = Buffer.from(JSON.stringify(rule));
      try {
        const expect = { lastSubjectSequence: book.seqOf(of) };
        const { seq } = await this.#js.publish(subject, data, { expect, timeout: API_LIMIT_MS });
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
    this.#require(this.#nc);
    const options = { msgID: id, timeout: API_LIMIT_MS };
    return { seq: (await this.#js.publish(logSubject(event.room), encodeEvent(event), options)).seq };
  }

  log(): Promise<StreamIdentity> {
    this.#require(this.#nc);
    return ensureStream(this.#jsm, this.#settings);
  }

  async renewLog(reached: { epoch: string; seq: number }): Promise<boolean> {
    this.#require(this.#nc);
    const old = await renewEpoch(this.#jsm, this.#settings, reached);
    if (old === undefined) return false;
    // Whoever still fetches by it is to notice.
    await this.rereadLog(old);
    return true;
  }

  async rereadLog(epoch: string): Promise<void> {
    this.#require(this.#nc);
    // Whoever consumes makes it anew.
    await this.#jsm.consumers.delete(STREAM, durableName(epoch)).catch((error: unknown) => {
      if (!isApiError(error, "consumerNotFound")) throw error;
    });
  }

  async scan(room: string | undefined, seq: number): Promise<SubjectRecord[]> {
    const subject = room === undefined ? LOG_SUBJECTS : logSubject(room);
    for (let attempt = 1; ; attempt++) {
      const records = await this.#require(this.#direct).next(subject, seq, SCAN_BATCH, SCAN_MAX_BYTES);
      // In a cluster any server that has a copy answers, also one that is behind the others.
      const isSure = this.#nc?.info?.cluster === undefined || attempt === SCAN_ATTEMPTS;
      if (records.length > 0 || isSure) return records;
      await delay(SCAN_RETRY_MS);
    }
  }

  async at(seq: number): Promise<SubjectRecord | undefined> {
    const [next] = await this.#require(this.#direct).next(LOG_SUBJECTS, seq, 1, SCAN_MAX_BYTES);
    return next?.seq === seq ? next : undefined;
  }

  async erase(seq: number): Promise<void> {
    this.#require(this.#nc);
    try {
      await this.#jsm.streams.deleteMessage(STREAM, seq, true);
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
    this.#closed = true;
    this.#book?.close();
    this.#direct?.close();
    await this.#nc?.close();
  }

  #require<T>(part: T | undefined): T {
    if (part === undefined || !this.connected) throw new Error("NATS cannot be reached");
    return part;
  }

  async #open(onFailure: (what: string, error: Error) => void): Promise<void> {
    const nc = await connectTelling(this.#nats, (reason) => {
      if (!this.#closed) onFailure("nobody can moderate", new Error(reason));
    });
    if (this.#closed) return nc.close();
    this.#nc = nc;
    this.#jsm = await jetstreamManager(nc, { checkAPI: false, timeout: API_LIMIT_MS });
    this.#js = jetstream(nc, { timeout: API_LIMIT_MS });
    this.#direct = new DirectGet(nc, this.#nats.inboxPrefix);
    const book = new RuleBook(nc, this.#jsm, this.#nats.inboxPrefix);
    book.onChange((rule) => {
      for (const listener of this.#listeners) listener(rule);
    });
    nc.subscribe(`${EDGE_SUBJECTS}.*`, {
      callback: (error, msg) => {
        if (!error) this.#hear(msg.data);
      },
    });
    void this.#followConnection(nc);
    while (!this.#closed) {
      try {
        await this.#ensureRules();
        await ensureStream(this.#jsm, this.#settings);
        await book.read();
        this.#book = book;
        return;
      } catch (error) {
        onFailure("the rules cannot be read", error as Error);
        await delay(OPEN_RETRY_MS);
      }
    }
    book.close();
  }

  async #ensureRules(): Promise<void> {
    const config = rulesConfig(this.#settings.replicas);
    try {
      await this.#jsm.streams.add(config);
    } catch (error) {
      // It is there, perhaps with other settings, which are then an operator's.
      if (!isApiError(error, "streamNameInUse")) throw error;
    }
  }

  #hear(data: Uint8Array): void {
    try {
      const report = JSON.parse(Buffer.from(data).toString("utf8")) as EdgeReport;
      const numbers = [report.connections, report.rooms, report.stored].every(Number.isFinite);
      if (numbers && typeof report.id === "string") this.#edges.set(report.id, { report, at: performance.now() });
    } catch {
      // No edge of ours said that.
    }
  }

  async #followConnection(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === "disconnect") this.#direct?.onDisconnect();
      if (status.type === "reconnect") this.#direct?.onReconnect();
    }
  }
}
