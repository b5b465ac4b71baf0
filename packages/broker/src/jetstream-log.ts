import { setTimeout as delay } from "node:timers/promises";
import { ProtocolError } from "@madang/protocol";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { NatsSettings } from "./connect.ts";
import { DirectGet } from "./direct-get.ts";
import { Link } from "./link.ts";
import type { Lane, LiveRecord, LiveSubscription, Log, LogRecord } from "./log.ts";
import { LogIdentity } from "./log-identity.ts";
import type { OnFailure } from "./opening.ts";
import { Publisher } from "./publisher.ts";
import { headerNumber, headerText } from "./raw-message.ts";
import type { LogSettings } from "./stream-config.ts";
import { liveSubject, logSubject, STREAM, transientSubject } from "./subjects.ts";
import { UnsafeLogError } from "./unsafe-settings.ts";

/** A direct get of this many last records at once is answered in about 26 ms. */
const HEADS_BATCH = 1000;
const REPLAY_MAX_BYTES = 1024 * 1024;
const OPEN_RETRY_MS = 500;
const OPENING = "the log is being opened";
const STALLED =
  "NATS answers, but has stored nothing for 10 s or more: its log and /healthz say why (after a full disk, free space and restart nats-server)";

/**
 * Opens the log, and creates it where there is none. Until {@link Log.ready} resolves, everything that asks the log fails
 * with ProtocolError `log_unavailable`. `ready` rejects with {@link UnsafeLogError} when the stream has settings under
 * which acknowledged events may be lost.
 * @param onFailure told why, every few seconds while the log is not ready, and while NATS cannot be reached
 */
export function openLog(nats: NatsSettings, settings: LogSettings, onFailure: OnFailure = () => {}): Log {
  return new JetStreamLog(nats, settings, onFailure);
}

/** What there is once the log is open. */
interface Parts {
  readonly nc: NatsConnection;
  readonly publisher: Publisher;
  readonly direct: DirectGet;
}

class JetStreamLog implements Log {
  readonly ready: Promise<void>;
  readonly #inboxPrefix: string | undefined;
  readonly #onFailure: OnFailure;
  readonly #link: Link;
  /** Reads have a connection of their own: a publish on the same one would wait behind their bytes. */
  readonly #readLink: Link;
  readonly #identity: LogIdentity;
  readonly #reconnectListeners: (() => void)[] = [];
  readonly #stop = new AbortController();
  #parts: Parts | undefined;
  #fatal: string | undefined;
  #closing: Promise<void> | undefined;

  constructor(nats: NatsSettings, settings: LogSettings, onFailure: OnFailure) {
    this.#inboxPrefix = nats.inboxPrefix;
    this.#onFailure = onFailure;
    this.#link = new Link(nats, (reason) => onFailure("the log cannot be reached", new Error(reason)));
    this.#readLink = new Link({ ...nats, name: `${nats.name} (replay)` });
    this.#identity = new LogIdentity(this.#readLink, settings);
    this.ready = this.#open();
    // Also for a caller that does not wait for it: `trouble` says why.
    this.ready.catch((error: Error) => {
      this.#fatal = error.message;
      void this.close(0);
    });
  }

  get epoch(): string {
    return this.#identity.epoch;
  }

  get firstSeq(): number {
    return this.#identity.firstSeq;
  }

  get lastSeq(): number {
    return Math.max(this.#identity.lastSeq, this.#parts?.publisher.highSeq ?? 0);
  }

  get unsafeSettings(): readonly string[] {
    return this.#identity.unsafeSettings;
  }

  get isReady(): boolean {
    return this.#parts !== undefined;
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  get trouble(): string | undefined {
    const trouble = this.#fatal ?? this.#link.trouble ?? this.#identity.trouble;
    if (trouble !== undefined || !this.#parts) return trouble ?? OPENING;
    return this.#parts.publisher.stalled ? STALLED : undefined;
  }

  lane(room: string, sender?: string): Lane {
    return this.#require().publisher.lane(logSubject(room), sender);
  }

  subscribe(room: string, onRecord: (record: LiveRecord) => void): LiveSubscription {
    return this.#listen(liveSubject(room), (msg) => {
      const headers = headerText(msg);
      const seq = headerNumber(headers, "Nats-Sequence");
      // A message that the stream did not republish has no place in the log: it is not an event.
      if (seq !== undefined) onRecord({ seq, last: headerNumber(headers, "Nats-Last-Sequence") ?? 0, data: msg.data });
    });
  }

  publishTransient(room: string, data: Uint8Array): void {
    // During an outage the library would keep it, and send it late.
    if (this.connected) this.#parts?.nc.publish(transientSubject(room), data);
  }

  subscribeTransient(room: string, onMessage: (data: Uint8Array) => void): LiveSubscription {
    return this.#listen(transientSubject(room), ({ data }) => onMessage(data));
  }

  async subscribed(): Promise<void> {
    // After a loss of the connection meanwhile, the reconnect subscribes again and the next audit finds the missed events.
    await this.#require()
      .nc.flush()
      .catch(() => {});
  }

  async heads(rooms: readonly string[]): Promise<Map<string, number>> {
    const { direct } = this.#require();
    const heads = new Map<string, number>(rooms.map((room) => [room, 0]));
    for (let from = 0; from < rooms.length; from += HEADS_BATCH) {
      const asked = new Map(rooms.slice(from, from + HEADS_BATCH).map((room) => [logSubject(room), room]));
      for (const { subject, seq } of await direct.last([...asked.keys()])) {
        const room = asked.get(subject);
        if (room !== undefined) heads.set(room, seq);
      }
    }
    return heads;
  }

  async replay(room: string, fromSeq: number, limit: number): Promise<LogRecord[]> {
    return this.#require().direct.next(logSubject(room), fromSeq, limit, REPLAY_MAX_BYTES);
  }

  checkEpoch(): Promise<string> {
    return this.#identity.check();
  }

  onReconnect(listener: () => void): void {
    this.#reconnectListeners.push(listener);
  }

  onEpoch(listener: (epoch: string) => void): void {
    this.#identity.onEpoch(listener);
  }

  close(limitMs: number): Promise<void> {
    this.#closing ??= this.#close(limitMs);
    return this.#closing;
  }

  async #close(limitMs: number): Promise<void> {
    this.#stop.abort();
    const { publisher, direct } = this.#parts ?? {};
    await publisher?.idle(limitMs);
    publisher?.close();
    direct?.close();
    await Promise.all([this.#link.close(), this.#readLink.close()]);
  }

  async #open(): Promise<void> {
    const [nc, readNc] = await Promise.all([this.#link.opened, this.#readLink.opened]);
    if (!nc || !readNc || !(await this.#found())) return;
    if (this.unsafeSettings.length > 0) throw new UnsafeLogError(this.unsafeSettings);
    const direct = new DirectGet(readNc, this.#inboxPrefix);
    const stored = { epoch: () => this.epoch, check: () => this.checkEpoch(), at: (seq: number) => direct.at(seq) };
    const publisher = new Publisher(nc, stored, this.#inboxPrefix);
    this.#parts = { nc, publisher, direct };
    this.#follow(this.#parts);
    if (!this.#link.connected) publisher.onDisconnect();
    if (!this.#readLink.connected) direct.onDisconnect();
    // The server announces when the log is created or deleted: every edge looks at once.
    this.#listen(`$JS.EVENT.ADVISORY.STREAM.*.${STREAM}`, () => {
      // The next audit makes up for a failure.
      this.checkEpoch().catch(() => {});
    });
  }

  /** JetStream starts a moment after the server itself. @returns false when closed before */
  async #found(): Promise<boolean> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if (await this.checkEpoch().catch(() => undefined)) return true;
      if (this.trouble !== undefined) this.#onFailure("the log cannot be opened", new Error(this.trouble));
      await delay(OPEN_RETRY_MS, undefined, { signal }).catch(() => {});
    }
    return false;
  }

  #follow({ publisher, direct }: Parts): void {
    const tellReconnect = () => {
      for (const listener of this.#reconnectListeners) listener();
    };
    this.#identity.onEpoch(() => publisher.onEpoch());
    this.#link.onDisconnect(() => publisher.onDisconnect());
    this.#link.onReconnect(() => {
      publisher.onReconnect();
      tellReconnect();
    });
    this.#readLink.onDisconnect(() => direct.onDisconnect());
    this.#readLink.onReconnect(() => {
      direct.onReconnect();
      // An audit after the other connection's return may have come too early to ask over this one.
      tellReconnect();
    });
  }

  #listen(subject: string, onMessage: (msg: Msg) => void): LiveSubscription {
    return this.#require().nc.subscribe(subject, {
      callback: (error, msg) => {
        if (!error) onMessage(msg);
      },
    });
  }

  #require(): Parts {
    if (!this.#parts) throw new ProtocolError("log_unavailable", { retryAfter: 1 });
    return this.#parts;
  }
}
