import { setTimeout as delay } from "node:timers/promises";
import { ProtocolError } from "@madang/protocol";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { errors, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { connectNats, connectTelling, type NatsSettings, tellWhyNot } from "./connect.ts";
import { DirectGet } from "./direct-get.ts";
import type { Lane, LiveRecord, LiveSubscription, Log, LogRecord } from "./log.ts";
import { Publisher } from "./publisher.ts";
import { headerNumber, headerText } from "./raw-message.ts";
import { reasonOf, reasonOfDial } from "./reason.ts";
import { ensureStream, type LogSettings } from "./stream-config.ts";
import { liveSubject, logSubject, STREAM, transientSubject } from "./subjects.ts";
import { UnsafeLogError } from "./unsafe-settings.ts";

/** A direct get of this many last records at once is answered in about 26 ms. */
const HEADS_BATCH = 1000;
const REPLAY_MAX_BYTES = 1024 * 1024;
const OPEN_RETRY_MS = 500;
const STALLED =
  "NATS answers, but has stored nothing of late: its log and /healthz say why (a full disk needs room, and a restart of nats-server)";

/**
 * Connects to NATS and opens the log, making it where there is none. Waits for NATS for as long as it takes.
 * @param onFailure told, for as long as it is tried in vain, why NATS lets nobody in, or the log cannot be opened
 * @throws UnsafeLogError
 */
export async function openLog(
  nats: NatsSettings,
  settings: LogSettings,
  onFailure: (reason: string) => void = () => {},
): Promise<Log> {
  // Replays have a connection of their own: behind them, a publish on the same one would wait for their bytes.
  const [nc, replayNc] = await Promise.all([
    connectTelling(nats, onFailure),
    connectNats({ ...nats, name: `${nats.name} (replay)` }),
  ]);
  const jsm = await jetstreamManager(replayNc, { checkAPI: false });
  const log = new JetStreamLog(nc, replayNc, jsm, settings, nats);
  await log.open(onFailure);
  if (log.unsafeSettings.length === 0) return log;
  await log.close(0);
  throw new UnsafeLogError(log.unsafeSettings);
}

class JetStreamLog implements Log {
  readonly #nats: NatsSettings;
  readonly #nc: NatsConnection;
  readonly #replayNc: NatsConnection;
  readonly #jsm: JetStreamManager;
  readonly #settings: LogSettings;
  readonly #publisher: Publisher;
  readonly #direct: DirectGet;
  readonly #reconnectListeners: (() => void)[] = [];
  readonly #epochListeners: ((epoch: string) => void)[] = [];
  #epoch = "";
  #firstSeq = 0;
  #lastSeq = 0;
  #trouble: string | undefined;
  /** Why NATS lets us in no more, as when passwords or certificates were changed. */
  #refusal: string | undefined;
  #unsafeSettings: readonly string[] = [];
  #checking: Promise<string> | undefined;
  #abandonCheck = () => {};
  #closing: Promise<void> | undefined;

  constructor(
    nc: NatsConnection,
    replayNc: NatsConnection,
    jsm: JetStreamManager,
    settings: LogSettings,
    nats: NatsSettings,
  ) {
    const { inboxPrefix } = nats;
    this.#nats = nats;
    this.#nc = nc;
    this.#replayNc = replayNc;
    this.#jsm = jsm;
    this.#settings = settings;
    this.#publisher = new Publisher(nc, { epoch: () => this.#epoch, check: () => this.checkEpoch() }, inboxPrefix);
    this.#direct = new DirectGet(replayNc, inboxPrefix);
  }

  get epoch(): string {
    return this.#epoch;
  }

  get firstSeq(): number {
    return this.#firstSeq;
  }

  get lastSeq(): number {
    return Math.max(this.#lastSeq, this.#publisher.highSeq);
  }

  get unsafeSettings(): readonly string[] {
    return this.#unsafeSettings;
  }

  get connected(): boolean {
    return this.#publisher.connected;
  }

  get trouble(): string | undefined {
    if (!this.connected) return this.#refusal ?? "not connected";
    return this.#trouble ?? (this.#publisher.stalled ? STALLED : undefined);
  }

  async open(onFailure: (reason: string) => void): Promise<void> {
    // JetStream takes a moment after the server itself has come up.
    while (!(await this.checkEpoch().catch(() => undefined))) {
      if (this.trouble !== undefined) onFailure(this.trouble);
      await delay(OPEN_RETRY_MS);
    }
    // The log's making and unmaking is announced: whoever made it anew, every edge looks at once.
    this.#nc.subscribe(`$JS.EVENT.ADVISORY.STREAM.*.${STREAM}`, {
      callback: (error) => {
        if (!error) this.#recheck();
      },
    });
    void this.#watch();
    void this.#watchReplays();
  }

  lane(room: string, sender?: string): Lane {
    return this.#publisher.lane(logSubject(room), sender);
  }

  subscribe(room: string, onRecord: (record: LiveRecord) => void): LiveSubscription {
    return this.#listen(liveSubject(room), (msg) => {
      const headers = headerText(msg);
      const seq = headerNumber(headers, "Nats-Sequence");
      // Somebody else's message on the live subject has no place in the log: it is not an event.
      if (seq !== undefined) onRecord({ seq, last: headerNumber(headers, "Nats-Last-Sequence") ?? 0, data: msg.data });
    });
  }

  publishTransient(room: string, data: Uint8Array): void {
    // During an outage it would be late, and pile up.
    if (this.connected) this.#nc.publish(transientSubject(room), data);
  }

  subscribeTransient(room: string, onMessage: (data: Uint8Array) => void): LiveSubscription {
    return this.#listen(transientSubject(room), ({ data }) => onMessage(data));
  }

  #listen(subject: string, onMessage: (msg: Msg) => void): LiveSubscription {
    return this.#nc.subscribe(subject, {
      callback: (error, msg) => {
        if (!error) onMessage(msg);
      },
    });
  }

  async subscribed(): Promise<void> {
    // When the connection is lost meanwhile, the reconnect subscribes again and the audit that follows finds what was missed.
    await this.#nc.flush().catch(() => {});
  }

  async heads(rooms: readonly string[]): Promise<Map<string, number>> {
    const heads = new Map<string, number>(rooms.map((room) => [room, 0]));
    for (let from = 0; from < rooms.length; from += HEADS_BATCH) {
      const asked = new Map(rooms.slice(from, from + HEADS_BATCH).map((room) => [logSubject(room), room]));
      for (const { subject, seq } of await this.#direct.last([...asked.keys()])) {
        const room = asked.get(subject);
        if (room !== undefined) heads.set(room, seq);
      }
    }
    return heads;
  }

  replay(room: string, fromSeq: number, limit: number): Promise<LogRecord[]> {
    return this.#direct.next(logSubject(room), fromSeq, limit, REPLAY_MAX_BYTES);
  }

  checkEpoch(): Promise<string> {
    this.#checking ??= this.#readEpoch().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  onReconnect(listener: () => void): void {
    this.#reconnectListeners.push(listener);
  }

  onEpoch(listener: (epoch: string) => void): void {
    this.#epochListeners.push(listener);
  }

  close(limitMs: number): Promise<void> {
    this.#closing ??= (async () => {
      await this.#publisher.idle(limitMs);
      this.#publisher.close();
      this.#direct.close();
      await Promise.all([this.#nc.close(), this.#replayNc.close()]);
    })();
    return this.#closing;
  }

  async #readEpoch(): Promise<string> {
    // Asked now, the question would be lost, and its time-out outlast the outage.
    if (!this.#direct.connected) throw new ProtocolError("log_unavailable");
    // The library lets a question wait for its time-out where the connection was lost, and the audit behind it.
    const lost = Promise.withResolvers<never>();
    this.#abandonCheck = () => lost.reject(new Error("the connection was lost"));
    const { epoch, firstSeq, lastSeq, unsafeSettings } = await Promise.race([
      ensureStream(this.#jsm, this.#settings),
      lost.promise,
    ]).catch((cause) => {
      this.#trouble = reasonOf(cause) ?? "the log cannot be found";
      throw new ProtocolError("log_unavailable", { cause });
    });
    this.#trouble = undefined;
    this.#unsafeSettings = unsafeSettings;
    this.#firstSeq = firstSeq;
    this.#lastSeq = epoch === this.#epoch ? Math.max(this.#lastSeq, lastSeq) : lastSeq;
    if (epoch !== this.#epoch) {
      const first = this.#epoch === "";
      this.#epoch = epoch;
      if (!first) {
        this.#publisher.onEpoch();
        for (const listener of this.#epochListeners) listener(epoch);
      }
    }
    return epoch;
  }

  #recheck(): void {
    // A failure here is healed by the next audit.
    this.checkEpoch().catch(() => {});
  }

  async #watchReplays(): Promise<void> {
    for await (const status of this.#replayNc.status()) {
      if (status.type === "disconnect") {
        this.#direct.onDisconnect();
        this.#abandonCheck();
      }
      if (status.type === "reconnect") {
        this.#direct.onReconnect();
        // An audit that came before, with the other connection, could not ask.
        for (const listener of this.#reconnectListeners) listener();
      }
    }
  }

  async #watch(): Promise<void> {
    let stopTelling = () => {};
    for await (const status of this.#nc.status()) {
      if (status.type === "disconnect") {
        this.#publisher.onDisconnect();
        stopTelling();
        stopTelling = tellWhyNot(this.#nats, (reason) => {
          this.#refusal = reason;
        });
      }
      if (status.type === "error" && status.error instanceof errors.AuthorizationError) {
        this.#refusal = reasonOfDial(status.error);
      }
      if (status.type === "reconnect") {
        stopTelling();
        this.#refusal = undefined;
        this.#publisher.onReconnect();
        for (const listener of this.#reconnectListeners) listener();
      }
    }
    stopTelling();
  }
}
