import { type Static, type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";

/** An edge that has said nothing for so long is gone, and its connections with it. It speaks each second. */
export const PEER_SILENCE_MS = 3000;
const ASK_INTERVAL_MS = 1000;
const LONGEST_MS = 366 * 24 * 3_600_000;

const Entries = <Value extends TSchema>(value: Value) =>
  Type.Optional(Type.Array(Type.Tuple([Type.String({ maxLength: 64 }), value])));

/** What an edge says to the others. Keys are hashes; times are in milliseconds, and relative, since clocks differ. */
const Word = Type.Object({
  /** Who speaks; a new one with each start. */
  edge: Type.String({ maxLength: 64 }),
  /** Counts what this edge has said, from 1: who misses one asks for the whole. */
  seq: Type.Integer({ minimum: 1 }),
  /** What was said of this edge's connections before is void; all of it follows. */
  whole: Type.Optional(Type.Boolean()),
  /** What its users have taken out of their buckets since it spoke last. */
  spent: Entries(Type.Number({ minimum: 0, maximum: LONGEST_MS })),
  /** How empty buckets are as far as it knows; said with the whole. */
  levels: Entries(Type.Number({ minimum: 0, maximum: LONGEST_MS })),
  /** Connections of users to it, where their number has changed. */
  open: Entries(Type.Integer({ minimum: 0, maximum: 1e9 })),
  /** Those who are to say the whole again. */
  ask: Type.Optional(Type.Array(Type.String({ maxLength: 64 }))),
});
export type Word = Static<typeof Word>;

const validator = Compile(Word);

/** @returns `undefined` for what is no word of this version's */
export function parseWord(text: string): Word | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return validator.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

interface Peer {
  seq: number;
  heardAt: number;
  /** Something it said did not come through. */
  incomplete: boolean;
  askedAt: number;
  readonly open: Map<string, number>;
}

/** The other edges, and the connections that users have to them, as they tell. */
export class Peers {
  readonly #peers = new Map<string, Peer>();

  /** @returns whether the peer must be asked for the whole */
  heard({ edge, seq, whole, open = [] }: Word, now: number): boolean {
    this.#forgetSilent(now);
    let peer = this.#peers.get(edge);
    if (!peer) {
      peer = { seq: 0, heardAt: now, incomplete: true, askedAt: Number.NEGATIVE_INFINITY, open: new Map() };
      this.#peers.set(edge, peer);
    }
    if (whole) {
      peer.open.clear();
      peer.incomplete = false;
    } else if (seq !== peer.seq + 1) {
      peer.incomplete = true;
    }
    peer.seq = seq;
    peer.heardAt = now;
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
    for (const [edge, { heardAt }] of this.#peers) if (now - heardAt > PEER_SILENCE_MS) this.#peers.delete(edge);
  }
}
