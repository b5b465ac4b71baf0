import { type Static, type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";

/** An edge that is silent for this long is gone, and its connections with it. A live one reports each second. */
export const PEER_SILENCE_MS = 3000;
const ASK_INTERVAL_MS = 1000;
const LONGEST_MS = 366 * 24 * 3_600_000;

const Entries = <Value extends TSchema>(value: Value) =>
  Type.Optional(Type.Array(Type.Tuple([Type.String({ maxLength: 64 }), value])));

/** What an edge reports to the others. Keys are hashes; times are in milliseconds and relative, since clocks differ. */
const UsageReport = Type.Object({
  /** The reporting edge's id; a new one with each start. */
  edge: Type.String({ maxLength: 64 }),
  /** Counts this edge's reports from 1: a peer that misses one asks for a full report. */
  seq: Type.Integer({ minimum: 1 }),
  /** All earlier reports of this edge's connections are void; the full list follows. */
  whole: Type.Optional(Type.Boolean()),
  /** What its users have taken from their buckets since its last report. */
  spent: Entries(Type.Number({ minimum: 0, maximum: LONGEST_MS })),
  /** How empty buckets are as far as it knows; part of a full report. */
  levels: Entries(Type.Number({ minimum: 0, maximum: LONGEST_MS })),
  /** Connections of users to it, where their number has changed. */
  open: Entries(Type.Integer({ minimum: 0, maximum: 1e9 })),
  /** Ids of edges that shall send a full report. */
  ask: Type.Optional(Type.Array(Type.String({ maxLength: 64 }))),
});
export type UsageReport = Static<typeof UsageReport>;

const validator = Compile(UsageReport);

/** @returns `undefined` for text that is no report of this version */
export function parseReport(text: string): UsageReport | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return validator.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

interface Peer {
  seq: number;
  receivedAt: number;
  /** One of its reports was lost. */
  incomplete: boolean;
  askedAt: number;
  readonly open: Map<string, number>;
}

/** The other edges, and the connections that users have to them, as they report. */
export class UsagePeers {
  readonly #peers = new Map<string, Peer>();

  /** @returns whether a full report of that peer is needed */
  received({ edge, seq, whole, open = [] }: UsageReport, now: number): boolean {
    this.#forgetSilent(now);
    let peer = this.#peers.get(edge);
    if (!peer) {
      peer = { seq: 0, receivedAt: now, incomplete: true, askedAt: Number.NEGATIVE_INFINITY, open: new Map() };
      this.#peers.set(edge, peer);
    }
    if (whole) {
      peer.open.clear();
      peer.incomplete = false;
    } else if (seq !== peer.seq + 1) {
      peer.incomplete = true;
    }
    peer.seq = seq;
    peer.receivedAt = now;
    for (const [key, count] of open) {
      if (count > 0) peer.open.set(key, count);
      else peer.open.delete(key);
    }
    if (!peer.incomplete || now - peer.askedAt < ASK_INTERVAL_MS) return false;
    peer.askedAt = now;
    return true;
  }

  open(key: string, now: number): number {
    this.#forgetSilent(now);
    let count = 0;
    for (const peer of this.#peers.values()) count += peer.open.get(key) ?? 0;
    return count;
  }

  #forgetSilent(now: number): void {
    for (const [edge, { receivedAt }] of this.#peers) if (now - receivedAt > PEER_SILENCE_MS) this.#peers.delete(edge);
  }
}
