import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { isRule, type MemberRule, type Person, type RoomRule, type Rule, roomToken, whoOf } from "@madang/protocol";
import {
  DiscardPolicy,
  type JetStreamManager,
  jetstreamManager,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { isApiError } from "./api-errors.ts";
import { connectNats, type NatsSettings } from "./connect.ts";
import { DirectGet } from "./direct-get.ts";
import { headerNumber, headerText } from "./raw-message.ts";

/** One message a subject, each the present state of one rule; nothing in it ages. */
const RULES_STREAM = "CHAT_RULES";
const RULES_SUBJECTS = "chat.rule.>";
const LIVE_PREFIX = "chat.rulelive.";
/** A rule that went by unheard is found within this time. */
const AUDIT_INTERVAL_MS = 5000;
const READ_BATCH = 500;
const READ_MAX_BYTES = 1024 * 1024;
const READ_RETRY_MS = 50;
const READ_ATTEMPTS = 100;

/** The stream of rules, as it is made. */
export function rulesConfig(replicas: number): Partial<StreamConfig> & { name: string } {
  return {
    name: RULES_STREAM,
    subjects: [RULES_SUBJECTS],
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_msgs_per_subject: 1,
    allow_direct: true,
    deny_delete: true,
    deny_purge: true,
    num_replicas: replicas,
    republish: { src: RULES_SUBJECTS, dest: `${LIVE_PREFIX}>` },
  };
}

/** `chat.rule.<rest>`: a person is a hash, since a token's subject may be longer than one of NATS's should be. */
export function ruleSubject(rule: Rule): string {
  if (rule.kind === "room") return `chat.rule.room.${roomToken(rule.room)}`;
  const who = createHash("sha256").update(whoOf(rule)).digest("base64url");
  return rule.room === undefined ? `chat.rule.everywhere.${who}` : `chat.rule.member.${roomToken(rule.room)}.${who}`;
}

/** What moderators have laid down, as this process knows it: all of it, in memory. */
export interface Rules {
  room(room: string): RoomRule | undefined;
  /** The rule about a person in a room; without a room: the one that holds everywhere. */
  member(room: string | undefined, person: Person): MemberRule | undefined;
  all(): Rule[];
  /** Called for each rule that is new or changed, soon after; also for those read at the start. */
  onChange(listener: (rule: Rule) => void): void;
}

/** Where nobody moderates. */
export const NO_RULES: Rules = { room: () => undefined, member: () => undefined, all: () => [], onChange: () => {} };

/** All rules, read once. @throws when NATS cannot be asked now */
export async function readRules(nats: NatsSettings): Promise<Rule[]> {
  const nc = await connectNats(nats, false);
  try {
    const book = new RuleBook(nc, await jetstreamManager(nc, { checkAPI: false }), nats.inboxPrefix);
    await book.read().finally(() => book.close());
    return book.all();
  } finally {
    await nc.close();
  }
}

interface Held<R extends Rule = Rule> {
  readonly seq: number;
  readonly rule: R;
}

/**
 * Holds every rule. Live ones come within milliseconds, at most once; an audit reads what went by unheard, and a
 * start reads all. Of two states of one rule the one with the higher sequence stays, in whatever order they come.
 * When the stream was made anew, what is known stays until it is replaced: a lost disk lifts no ban.
 */
export class RuleBook implements Rules {
  readonly #rooms = new Map<string, Held<RoomRule>>();
  readonly #members = new Map<string, Held<MemberRule>>();
  readonly #listeners: ((rule: Rule) => void)[] = [];
  readonly #jsm: JetStreamManager;
  readonly #direct: DirectGet;
  readonly #timer: NodeJS.Timeout;
  #life: string | undefined;
  #readTo = 0;
  #reading: Promise<void> | undefined;
  #readAgain = false;
  #closed = false;

  constructor(nc: NatsConnection, jsm: JetStreamManager, inboxPrefix?: string) {
    this.#jsm = jsm;
    this.#direct = new DirectGet(nc, inboxPrefix, RULES_STREAM);
    nc.subscribe(`${LIVE_PREFIX}>`, {
      callback: (error, msg) => {
        if (error) return;
        const seq = headerNumber(headerText(msg), "Nats-Sequence");
        if (seq !== undefined) this.apply(seq, msg.data, `chat.rule.${msg.subject.slice(LIVE_PREFIX.length)}`);
      },
    });
    void this.#followConnection(nc);
    this.#timer = setInterval(() => this.#audit(), AUDIT_INTERVAL_MS);
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

  /** The sequence at which this rule's present state stands; 0 for one that there is not. */
  seqOf(rule: Rule): number {
    return (
      (rule.kind === "room" ? this.#rooms.get(rule.room) : this.#members.get(memberKey(rule.room, rule)))?.seq ?? 0
    );
  }

  apply(seq: number, data: Uint8Array, subject: string): void {
    const rule = parse(data);
    // What stands under another's subject is nobody's rule.
    if (!rule || ruleSubject(rule) !== subject || seq <= this.seqOf(rule)) return;
    if (rule.kind === "room") this.#rooms.set(rule.room, { seq, rule });
    else this.#members.set(memberKey(rule.room, rule), { seq, rule });
    for (const listener of this.#listeners) listener(rule);
  }

  /** Reads what the stream holds beyond what was read. No stream: no rules yet. @throws when NATS cannot be asked */
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
    clearInterval(this.#timer);
    this.#direct.close();
  }

  async #readAll(): Promise<void> {
    do {
      this.#readAgain = false;
      const info = await this.#jsm.streams.info(RULES_STREAM).catch((error: unknown) => {
        if (isApiError(error, "streamNotFound")) return undefined;
        throw error;
      });
      if (!info) return;
      if (info.created !== this.#life) this.#startAnew(info.created);
      await this.#readUpTo(info.state.last_seq);
    } while (this.#readAgain && !this.#closed);
  }

  /** The last message of this stream is always there. A replica may be behind: then again. */
  async #readUpTo(last: number): Promise<void> {
    for (let attempt = 1; this.#readTo < last && !this.#closed; attempt++) {
      const records = await this.#direct.next(RULES_SUBJECTS, this.#readTo + 1, READ_BATCH, READ_MAX_BYTES);
      for (const { seq, data, subject } of records) {
        this.apply(seq, data, subject);
        this.#readTo = Math.max(this.#readTo, seq);
      }
      if (records.length > 0) attempt = 0;
      else if (attempt >= READ_ATTEMPTS) throw new Error("the rules cannot be read");
      else await delay(READ_RETRY_MS);
    }
  }

  #startAnew(life: string): void {
    this.#life = life;
    this.#readTo = 0;
    for (const [key, { rule }] of this.#rooms) this.#rooms.set(key, { seq: 0, rule });
    for (const [key, { rule }] of this.#members) this.#members.set(key, { seq: 0, rule });
  }

  #audit(): void {
    // The next audit makes up for a failure.
    if (this.#direct.connected) void this.read().catch(() => {});
  }

  async #followConnection(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === "disconnect") this.#direct.onDisconnect();
      if (status.type === "reconnect") {
        this.#direct.onReconnect();
        this.#audit();
      }
    }
  }
}

function memberKey(room: string | undefined, person: Person): string {
  // Neither a name nor an id holds a line break.
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
