import { hash, randomUUID } from "node:crypto";
import { type Gossip, NO_GOSSIP } from "@madang/broker";
import { Buckets, type Rate } from "@madang/runtime";
import { Peers, parseWord, type Word } from "./usage-peers.ts";

/** An edge speaks no more often than this, at once after a pause. */
const SAY_INTERVAL_MS = 200;
/** And no more rarely, so that the others know that it is there and that they have heard all of it. */
const BEAT_MS = 1000;
/** Some 35 bytes each: a word stays far below what NATS takes. */
const ENTRIES_PER_WORD = 5000;
const KEY_LENGTH = 22;

/**
 * What users have used up, over all edges. Each edge decides by what it knows, without asking anybody, and tells the
 * others afterwards: so a user may get through on each of them what it lets through until word has come round
 * ({@link SAY_INTERVAL_MS}). What was taken too much is owed: over any longer time the limit holds.
 * An edge that counts nothing says nothing.
 */
export class Usage {
  readonly #gossip: Gossip;
  readonly #id: string = randomUUID();
  /** How its own words begin, which come back to it. */
  readonly #ownStart: string = `{"edge":"${this.#id}",`;
  readonly #buckets = new Buckets();
  readonly #peers = new Peers();
  /** Connections to this edge. */
  readonly #open = new Map<string, number>();
  #spent = new Map<string, number>();
  #changed = new Set<string>();
  #ask = new Set<string>();
  #sayWhole = true;
  #wholeAt = Number.NEGATIVE_INFINITY;
  #saidAt = Number.NEGATIVE_INFINITY;
  #seq = 0;
  #timer: NodeJS.Timeout | undefined;
  #wholeTimer: NodeJS.Timeout | undefined;
  #beats: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(gossip: Gossip = NO_GOSSIP) {
    this.#gossip = gossip;
    gossip.onMessage((word) => this.#onWord(word));
    this.#say();
  }

  /** As {@link Bucket.take}, from a bucket that all edges share. A name keeps to one rate. */
  take(name: string, rate: Rate): number {
    const key = keyOf(name);
    const waitMs = this.#buckets.take(key, rate, performance.now());
    if (waitMs === 0) {
      this.#spent.set(key, (this.#spent.get(key) ?? 0) + rate.windowMs / rate.count);
      this.#tell();
    }
    return waitMs;
  }

  /** How many connections somebody has to this edge now. */
  setOpen(name: string, count: number): void {
    const key = keyOf(name);
    if (count === (this.#open.get(key) ?? 0)) return;
    if (count > 0) this.#open.set(key, count);
    else this.#open.delete(key);
    this.#changed.add(key);
    this.#tell();
  }

  /** And to all others, as far as they have told. */
  openElsewhere(name: string): number {
    return this.#peers.open(keyOf(name), performance.now());
  }

  /** The last word: that nobody is connected here any more. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#beats);
    clearTimeout(this.#wholeTimer);
    this.#open.clear();
    this.#sayWhole = true;
    this.#say();
  }

  #onWord(text: string): void {
    if (text.startsWith(this.#ownStart)) return;
    const word = parseWord(text);
    if (!word) return;
    const now = performance.now();
    for (const [key, ms] of word.spent ?? []) this.#buckets.charge(key, ms, now);
    for (const [key, ms] of word.levels ?? []) this.#buckets.lower(key, ms, now);
    if (this.#peers.heard(word, now)) {
      this.#ask.add(word.edge);
      this.#sayLater();
    }
    // Who has just come knows nothing of what was before.
    if (word.seq === 1 || word.ask?.includes(this.#id)) this.#sayWholeSoon();
  }

  /** One whole answers all who ask within a second. */
  #sayWholeSoon(): void {
    if (this.#closed) return;
    const waitMs = this.#wholeAt + BEAT_MS - performance.now();
    this.#wholeTimer ??= setTimeout(
      () => {
        this.#wholeTimer = undefined;
        this.#sayWhole = true;
        this.#say();
      },
      Math.max(waitMs, 0),
    );
  }

  /** Has what changed said soon, and from now on each second that there is no more of it. */
  #tell(): void {
    if (this.#closed) return;
    this.#beats ??= setInterval(() => this.#say(), BEAT_MS);
    this.#sayLater();
  }

  #sayLater(): void {
    if (this.#closed) return;
    const waitMs = this.#saidAt + SAY_INTERVAL_MS - performance.now();
    this.#timer ??= setTimeout(() => this.#say(), Math.max(waitMs, 0));
  }

  #say(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = performance.now();
    this.#saidAt = now;
    const words: Partial<Word>[] = [];
    const say = (kind: "spent" | "levels" | "open", entries: [string, number][]) => {
      for (let i = 0; i < entries.length; i += ENTRIES_PER_WORD) {
        words.push({ [kind]: entries.slice(i, i + ENTRIES_PER_WORD) });
      }
    };
    say("spent", [...this.#spent]);
    say(
      "open",
      [...this.#changed].map((key) => [key, this.#open.get(key) ?? 0]),
    );
    if (this.#sayWhole) {
      this.#sayWhole = false;
      this.#wholeAt = now;
      words.push({ whole: true });
      say("levels", [...this.#buckets.levels(now)]);
      say("open", [...this.#open]);
    }
    if (this.#ask.size > 0) words.push({ ask: [...this.#ask] });
    this.#spent = new Map();
    this.#changed = new Set();
    this.#ask = new Set();
    if (words.length === 0) words.push({});
    for (const word of words) this.#gossip.publish(JSON.stringify({ edge: this.#id, seq: ++this.#seq, ...word }));
  }
}

function keyOf(name: string): string {
  return hash("sha256", name, "base64url").slice(0, KEY_LENGTH);
}
