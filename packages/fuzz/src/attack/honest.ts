/** The process of the honest members. They measure in a process of their own, apart from the attacker. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { SUBPROTOCOL } from "@madang/protocol";
import { WebSocket } from "ws";
import { helper } from "./helper.ts";

export interface HonestTask {
  readonly port: number;
  readonly rooms: number;
  readonly membersPerRoom: number;
}

/** Figures since the last report. */
export interface HonestReport {
  sent: number;
  /** Deliveries of acknowledged messages that did not arrive within 10 s. */
  lost: number;
  twiceOrDisordered: number;
  /** Messages that were refused or never answered. */
  refused: number;
  /** Connections of members that the server closed. */
  closed: number;
  readonly latency: Quantiles;
  /** Time from connecting to the end of the first join, for new clients. */
  readonly newcomers: Quantiles;
  /** Newcomers that had not joined within 10 s. */
  turnedAway: number;
}

export interface Quantiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const SEND_INTERVAL_MS = 1000;
const NEWCOMER_INTERVAL_MS = 250;
const SETTLE_LIMIT_MS = 10_000;

interface Sent {
  readonly at: number;
  acked: boolean;
  missing: number;
}

interface Frame {
  readonly type: string;
  readonly seq: number;
  readonly nonce?: string;
}

const { port, rooms, membersPerRoom } = helper<HonestTask>(report);
const url = `ws://127.0.0.1:${port}/ws`;
const underway = new Map<string, Sent>();
let latencies: number[] = [];
let newcomers: number[] = [];
const nothing = () => ({ sent: 0, lost: 0, twiceOrDisordered: 0, refused: 0, closed: 0, turnedAway: 0 });
let counts = nothing();

function dial(user: string, room: string): WebSocket {
  const ws = new WebSocket(url, SUBPROTOCOL, { perMessageDeflate: false });
  ws.on("open", () => ws.send(JSON.stringify({ type: "hello", user, join: [{ room }] })));
  ws.on("error", () => {});
  return ws;
}

/** Resolves when the member has joined and receives messages. */
async function join(user: string, room: string): Promise<() => void> {
  const ws = dial(user, room);
  const joined = new Promise<void>((resolve) => {
    let lastSeq = 0;
    ws.on("message", (data) => {
      const frame = JSON.parse(String(data)) as Frame;
      if (frame.type === "caughtUp") resolve();
      const sent = underway.get(frame.nonce ?? "");
      if (!sent) return;
      if (frame.type === "message") {
        latencies.push(performance.now() - sent.at);
        if (frame.seq <= lastSeq) counts.twiceOrDisordered++;
        lastSeq = frame.seq;
        sent.missing--;
      } else if (frame.type === "ack") sent.acked = true;
      else if (frame.type === "error") {
        counts.refused++;
        underway.delete(frame.nonce!);
      }
      if (sent.acked && sent.missing === 0) underway.delete(frame.nonce!);
    });
  });
  ws.on("close", () => counts.closed++);
  await joined;
  return () => {
    if (ws.readyState !== WebSocket.OPEN) return;
    const nonce = randomUUID();
    counts.sent++;
    underway.set(nonce, { at: performance.now(), acked: false, missing: membersPerRoom });
    ws.send(JSON.stringify({ type: "message", room, message: `${user} says something of the usual length`, nonce }));
  };
}

function visit(): void {
  const startedAt = performance.now();
  const ws = dial("newcomer", "entrance");
  const timer = setTimeout(() => ws.terminate(), SETTLE_LIMIT_MS);
  let isIn = false;
  ws.on("message", (data) => {
    if ((JSON.parse(String(data)) as Frame).type !== "caughtUp") return;
    isIn = true;
    newcomers.push(performance.now() - startedAt);
    ws.close();
  });
  ws.on("close", () => {
    clearTimeout(timer);
    if (!isIn) counts.turnedAway++;
  });
}

async function report(): Promise<HonestReport> {
  const asked = [...underway];
  const settled = () => asked.every(([nonce]) => !underway.has(nonce));
  for (const limit = performance.now() + SETTLE_LIMIT_MS; !settled() && performance.now() < limit; ) await delay(10);
  for (const [nonce, { acked, missing }] of asked) {
    if (!underway.delete(nonce)) continue;
    if (acked) counts.lost += missing;
    else counts.refused++;
  }
  const report = { ...counts, latency: quantiles(latencies), newcomers: quantiles(newcomers) };
  counts = nothing();
  latencies = [];
  newcomers = [];
  return report;
}

function quantiles(ms: readonly number[]): Quantiles {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

const members = Array.from({ length: rooms * membersPerRoom }, (_, i) => join(`honest ${i}`, `room ${i % rooms}`));
for (const [i, speak] of (await Promise.all(members)).entries()) {
  setTimeout(() => setInterval(speak, SEND_INTERVAL_MS), (i / members.length) * SEND_INTERVAL_MS);
}
setInterval(visit, NEWCOMER_INTERVAL_MS);
