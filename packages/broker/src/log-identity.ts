import { ProtocolError } from "@madang/protocol";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { Link } from "./link.ts";
import { reasonOf } from "./reason.ts";
import { ensureStream, type LogSettings } from "./stream-config.ts";

/** What is known of the log, as of the last time that JetStream was asked about it. */
export class LogIdentity {
  readonly #link: Link;
  readonly #settings: LogSettings;
  readonly #listeners: ((epoch: string) => void)[] = [];
  #jsm: JetStreamManager | undefined;
  #epoch = "";
  #firstSeq = 0;
  #lastSeq = 0;
  #unsafeSettings: readonly string[] = [];
  #trouble: string | undefined;
  #checking: Promise<string> | undefined;
  #abandon = () => {};

  /** @param link the connection to ask over */
  constructor(link: Link, settings: LogSettings) {
    this.#link = link;
    this.#settings = settings;
    link.onDisconnect(() => this.#abandon());
  }

  /** Empty until the log is known. */
  get epoch(): string {
    return this.#epoch;
  }

  get firstSeq(): number {
    return this.#firstSeq;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  get unsafeSettings(): readonly string[] {
    return this.#unsafeSettings;
  }

  /** Why the log could not be found the last time, for operators. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Called when the log is another one than before; not for the first one. */
  onEpoch(listener: (epoch: string) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Asks JetStream, and creates the log where there is none. Callers at the same time share one question.
   * @returns the epoch
   * @throws ProtocolError `log_unavailable`
   */
  check(): Promise<string> {
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #check(): Promise<string> {
    // Without a connection the request would be lost, and its time limit would outlast the outage.
    if (!this.#link.connected) throw new ProtocolError("log_unavailable");
    const found = await this.#ask().catch((cause) => {
      this.#trouble = reasonOf(cause) ?? "the log cannot be found";
      throw new ProtocolError("log_unavailable", { cause });
    });
    const { epoch, firstSeq, lastSeq, unsafeSettings } = found;
    const before = this.#epoch;
    this.#trouble = undefined;
    this.#unsafeSettings = unsafeSettings;
    this.#firstSeq = firstSeq;
    this.#lastSeq = epoch === before ? Math.max(this.#lastSeq, lastSeq) : lastSeq;
    this.#epoch = epoch;
    if (before !== "" && epoch !== before) for (const listener of this.#listeners) listener(epoch);
    return epoch;
  }

  async #ask() {
    this.#jsm ??= await jetstreamManager(this.#link.nc!, { checkAPI: false });
    // After the connection is lost, the library would let the request wait for its time limit, and an audit behind it.
    const lost = Promise.withResolvers<never>();
    this.#abandon = () => lost.reject(new Error("the connection was lost"));
    return Promise.race([ensureStream(this.#jsm, this.#settings), lost.promise]);
  }
}
