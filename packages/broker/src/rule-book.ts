import { setTimeout as delay } from "node:timers/promises";
import { isRule, type MemberRule, type Person, type RoomRule, type Rule, whoOf } from "@madang/protocol";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { isApiError } from "./api-errors.ts";
import { connectNats, type NatsSettings } from "./connect.ts";
import { DirectGet } from "./direct-get.ts";
import { headerNumber, headerText } from "./raw-message.ts";
import { LIVE_RULES_PREFIX, RULES_STREAM, RULES_SUBJECTS, ruleSubject } from "./rule-stream.ts";
import type { Rules } from "./rules.ts";

/** A change that did not arrive live is found within this time. */
const AUDIT_INTERVAL_MS = 5000;
const READ_BATCH = 500;
const READ_MAX_BYTES = 1024 * 1024;
const READ_RETRY_MS = 50;
const READ_ATTEMPTS = 100;

/** Reads all rules once. @throws when NATS cannot be asked now */
export async function readRules(nats: NatsSettings): Promise<Rule[]> {
  const nc = await connectNats(nats, { once: true });
  const book = new RuleBook();
  try {
    book.connect(nc, await jetstreamManager(nc, { checkAPI: false }), nats.inboxPrefix);
    await book.read();
    return book.all();
  } finally {
    book.close();
    await nc.close();
  }
}

interface Held<R extends Rule = Rule> {
  readonly seq: number;
  readonly rule: R;
}

/**
 * Holds every rule. Changes arrive live within milliseconds, at most once; an audit every 5 s finds those that did not, and
 * the first read gets all. Of two states of one rule the one with the higher sequence stays, in whatever order they arrive.
 * After the stream was created anew, a known rule stays until it is replaced: a lost disk lifts no ban.
 */
export class RuleBook implements Rules {
  readonly #rooms = new Map<string, Held<RoomRule>>();
  readonly #members = new Map<string, Held<MemberRule>>();
  readonly #listeners: ((rule: Rule) => void)[] = [];
  #jsm: JetStreamManager | undefined;
  #direct: DirectGet | undefined;
  #auditing: NodeJS.Timeout | undefined;
  /** When the stream was created that the known sequences are of. */
  #created: string | undefined;
  #readTo = 0;
  #reading: Promise<void> | undefined;
  #readAgain = false;
  #closed = false;

  /** Receives live changes over this connection from now on. The owner reports losses and returns of it. */
  connect(nc: NatsConnection, jsm: JetStreamManager, inboxPrefix?: string): void {
    if (this.#closed) return;
    this.#jsm = jsm;
    this.#direct = new DirectGet(nc, inboxPrefix, RULES_STREAM);
    nc.subscribe(`${LIVE_RULES_PREFIX}>`, {
      callback: (error, msg) => {
        if (error) return;
        const seq = headerNumber(headerText(msg), "Nats-Sequence");
        if (seq !== undefined) this.apply(seq, msg.data, `chat.rule.${msg.subject.slice(LIVE_RULES_PREFIX.length)}`);
      },
    });
    this.#auditing = setInterval(() => this.#audit(), AUDIT_INTERVAL_MS);
  }

  onDisconnect(): void {
    this.#direct?.onDisconnect();
  }

  onReconnect(): void {
    this.#direct?.onReconnect();
    this.#audit();
  }

  room(room: string): RoomRule | undefined {
    return this.#rooms.get(room)?.rule;
  }

  member(room: string | undefined, person: Person): MemberRule | undefined {
    return this.#members.size === 0 ? undefined : this.#members.get(memberKey(room, person))?.rule;
  }

  all(): Rule[] {
    return [...this.#rooms.values(), ...this.#members.values()].map(({ rule }) => rule);
  }

  onChange(listener: (rule: Rule) => void): void {
    this.#listeners.push(listener);
  }

  /** The sequence of this rule's present state; 0 where there is none. */
  seqOf(rule: Rule): number {
    return (
      (rule.kind === "room" ? this.#rooms.get(rule.room) : this.#members.get(memberKey(rule.room, rule)))?.seq ?? 0
    );
  }

  /** Takes in a state of a rule, unless a newer one is known. */
  apply(seq: number, data: Uint8Array, subject: string): void {
    const rule = parse(data);
    // A rule that was stored under the subject of another one counts for nothing.
    if (!rule || ruleSubject(rule) !== subject || seq <= this.seqOf(rule)) return;
    if (rule.kind === "room") this.#rooms.set(rule.room, { seq, rule });
    else this.#members.set(memberKey(rule.room, rule), { seq, rule });
    for (const listener of this.#listeners) listener(rule);
  }

  /** Reads all changes since the last read. Without a stream there are no rules yet. @throws when NATS cannot be asked */
  read(): Promise<void> {
    if (this.#reading) {
      this.#readAgain = true;
      return this.#reading;
    }
    this.#reading = this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#auditing);
    this.#direct?.close();
  }

  async #readAll(): Promise<void> {
    const [jsm, direct] = [this.#jsm, this.#direct];
    if (!jsm || !direct) throw new Error("NATS cannot be reached");
    do {
      this.#readAgain = false;
      const info = await jsm.streams.info(RULES_STREAM).catch((error: unknown) => {
        if (isApiError(error, "streamNotFound")) return undefined;
        throw error;
      });
      if (!info) return;
      if (info.created !== this.#created) this.#startAnew(info.created);
      await this.#readUpTo(direct, info.state.last_seq);
    } while (this.#readAgain && !this.#closed);
  }

  /** The last message of this stream always exists. An empty answer comes from a replica that is behind: ask again. */
  async #readUpTo(direct: DirectGet, last: number): Promise<void> {
    for (let attempt = 1; this.#readTo < last && !this.#closed; attempt++) {
      const records = await direct.next(RULES_SUBJECTS, this.#readTo + 1, READ_BATCH, READ_MAX_BYTES);
      for (const { seq, data, subject } of records) {
        this.apply(seq, data, subject);
        this.#readTo = Math.max(this.#readTo, seq);
      }
      if (records.length > 0) attempt = 0;
      else if (attempt >= READ_ATTEMPTS) throw new Error("the rules cannot be read");
      else await delay(READ_RETRY_MS);
    }
  }

  #startAnew(created: string): void {
    this.#created = created;
    this.#readTo = 0;
    for (const [key, { rule }] of this.#rooms) this.#rooms.set(key, { seq: 0, rule });
    for (const [key, { rule }] of this.#members) this.#members.set(key, { seq: 0, rule });
  }

  #audit(): void {
    // The next audit makes up for a failure.
    if (this.#direct?.connected) void this.read().catch(() => {});
  }
}

function memberKey(room: string | undefined, person: Person): string {
  // Neither a name nor an id contains a line break.
  return `${room ?? ""}\n${whoOf(person)}`;
}

function parse(data: Uint8Array): Rule | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    return isRule(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
