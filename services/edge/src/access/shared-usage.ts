import { hash, randomUUID } from "node:crypto";
import { type Gossip, NO_GOSSIP } from "@madang/broker";
import { Buckets, type Rate } from "@madang/runtime";
import { parseReport, UsagePeers, type UsageReport } from "./usage-peers.ts";

/** The shortest time between two reports; the first after a pause goes out at once. */
const REPORT_INTERVAL_MS = 200;
/** The longest: other edges see from it that this one lives and that they have missed nothing. */
const BEAT_MS = 1000;
/** About 35 bytes each: a report stays far below the largest message that NATS takes. */
const ENTRIES_PER_REPORT = 5000;
const KEY_LENGTH = 22;

/**
 * What users have used up, over all edges. Each edge decides by what it knows, without asking, and reports afterwards: a
 * user gets through on each edge until the report has arrived ({@link REPORT_INTERVAL_MS}). The excess is charged to the
 * bucket, so over any longer time the limit holds. An edge that counts nothing reports nothing.
 */
export class SharedUsage {
  readonly #gossip: Gossip;
  readonly #id: string = randomUUID();
  /** The beginning of this edge's own reports, which come back to it. */
  readonly #ownStart: string = `{"edge":"${this.#id}",`;
  readonly #buckets = new Buckets();
  readonly #peers = new UsagePeers();
  /** Connections to this edge, by user. */
  readonly #open = new Map<string, number>();
  #spent = new Map<string, number>();
  #changed = new Set<string>();
  /** Peers whose full report is needed. */
  #ask = new Set<string>();
  #fullIsDue = true;
  #fullAt = Number.NEGATIVE_INFINITY;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #seq = 0;
  #timer: NodeJS.Timeout | undefined;
  #fullTimer: NodeJS.Timeout | undefined;
  #beats: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(gossip: Gossip = NO_GOSSIP) {
    this.#gossip = gossip;
    gossip.onMessage((text) => this.#onReport(text));
    this.#report();
  }

  /**
   * Takes one from a bucket that all edges share. A name keeps to one rate.
   * @returns 0, or the milliseconds to wait, as {@link Buckets.take}
   */
  take(name: string, rate: Rate): number {
    const key = keyOf(name);
    const waitMs = this.#buckets.take(key, rate, performance.now());
    if (waitMs === 0) {
      this.#spent.set(key, (this.#spent.get(key) ?? 0) + rate.windowMs / rate.count);
      this.#changedNow();
    }
    return waitMs;
  }

  /** Sets how many connections a user has to this edge. */
  setOpen(name: string, count: number): void {
    const key = keyOf(name);
    if (count === (this.#open.get(key) ?? 0)) return;
    if (count > 0) this.#open.set(key, count);
    else this.#open.delete(key);
    this.#changed.add(key);
    this.#changedNow();
  }

  /** A user's connections to all other edges, as far as they have reported. */
  openElsewhere(name: string): number {
    return this.#peers.open(keyOf(name), performance.now());
  }

  /** Reports that no user is connected here any more. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#beats);
    clearTimeout(this.#fullTimer);
    this.#open.clear();
    this.#fullIsDue = true;
    this.#report();
  }

  #onReport(text: string): void {
    if (text.startsWith(this.#ownStart)) return;
    const report = parseReport(text);
    if (!report) return;
    const now = performance.now();
    for (const [key, ms] of report.spent ?? []) this.#buckets.charge(key, ms, now);
    for (const [key, ms] of report.levels ?? []) this.#buckets.lower(key, ms, now);
    if (this.#peers.received(report, now)) {
      this.#ask.add(report.edge);
      this.#reportLater();
    }
    // An edge that has just started knows nothing of what was before.
    if (report.seq === 1 || report.ask?.includes(this.#id)) this.#reportFullSoon();
  }

  /** One full report answers all peers that ask within a second. */
  #reportFullSoon(): void {
    if (this.#closed) return;
    const waitMs = this.#fullAt + BEAT_MS - performance.now();
    this.#fullTimer ??= setTimeout(
      () => {
        this.#fullTimer = undefined;
        this.#fullIsDue = true;
        this.#report();
      },
      Math.max(waitMs, 0),
    );
  }

  /** Reports the change soon, and from now on each second whether there is more. */
  #changedNow(): void {
    if (this.#closed) return;
    this.#beats ??= setInterval(() => this.#report(), BEAT_MS);
    this.#reportLater();
  }

  #reportLater(): void {
    if (this.#closed) return;
    const waitMs = this.#reportedAt + REPORT_INTERVAL_MS - performance.now();
    this.#timer ??= setTimeout(() => this.#report(), Math.max(waitMs, 0));
  }

  #report(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = performance.now();
    this.#reportedAt = now;
    const reports: Partial<UsageReport>[] = [];
    const add = (kind: "spent" | "levels" | "open", entries: [string, number][]) => {
      for (let i = 0; i < entries.length; i += ENTRIES_PER_REPORT) {
        reports.push({ [kind]: entries.slice(i, i + ENTRIES_PER_REPORT) });
      }
    };
    add("spent", [...this.#spent]);
    add(
      "open",
      [...this.#changed].map((key) => [key, this.#open.get(key) ?? 0]),
    );
    if (this.#fullIsDue) {
      this.#fullIsDue = false;
      this.#fullAt = now;
      reports.push({ whole: true });
      add("levels", [...this.#buckets.levels(now)]);
      add("open", [...this.#open]);
    }
    if (this.#ask.size > 0) reports.push({ ask: [...this.#ask] });
    this.#spent = new Map();
    this.#changed = new Set();
    this.#ask = new Set();
    if (reports.length === 0) reports.push({});
    for (const report of reports) this.#gossip.publish(JSON.stringify({ edge: this.#id, seq: ++this.#seq, ...report }));
  }
}

function keyOf(name: string): string {
  return hash("sha256", name, "base64url").slice(0, KEY_LENGTH);
}
