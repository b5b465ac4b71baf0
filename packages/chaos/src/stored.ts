/** What is stored, read past all of our own code where that is possible. */

import { setTimeout as delay } from "node:timers/promises";
import { type HistoryPage, roomPartition, roomToken } from "@madang/protocol";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { keep, type Told } from "./view.ts";

export const STREAM = "CHAT";
const READ_LIMIT_MS = 60_000;
const RETRY_MS = 500;
const BITE_BYTES = 256 * 1024;
const PAGE = 100;

/** A connection that the scenarios use to look into the log, and to harm it. */
export async function connectLog(url: string): Promise<NatsConnection> {
  return connect({ servers: url.replaceAll("nats://", "").split(","), name: "chaos", maxReconnectAttempts: -1 });
}

/** What the stream holds. */
export interface StoredLog {
  readonly epoch: string;
  /** Of each room, in the log's order. */
  readonly rooms: ReadonlyMap<string, readonly Told[]>;
}

/**
 * Everything that the stream holds, by an ordered consumer of the NATS library. A cluster between two leaders is asked again.
 * @throws when it could not be read to its end: that says nothing about what it holds
 */
export async function readStream(nc: NatsConnection, rooms: readonly string[]): Promise<StoredLog> {
  for (const deadline = performance.now() + READ_LIMIT_MS; ; await delay(RETRY_MS)) {
    try {
      return await readOnce(nc, rooms);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

async function readOnce(nc: NatsConnection, rooms: readonly string[]): Promise<StoredLog> {
  const jsm = await jetstreamManager(nc);
  const info = await jsm.streams.info(STREAM);
  const epoch = info.config.metadata?.["madang_epoch"] ?? "";
  const bySubject = new Map(rooms.map((room) => [logSubject(room), [] as Told[]]));
  if (info.state.messages > 0) {
    const consumer = await jsm.jetstream().consumers.get(STREAM);
    // Small bites: a server that is told to cut slow consumers early must not cut this one.
    const messages = await consumer.consume({ max_bytes: BITE_BYTES });
    let lastSeq = 0;
    const limit = setTimeout(() => messages.stop(), READ_LIMIT_MS);
    for await (const message of messages) {
      const event = message.json<{ user: string; nonce?: string; message: string }>();
      bySubject.get(message.subject)?.push(keep({ ...event, epoch, seq: message.seq }));
      lastSeq = message.seq;
      if (lastSeq >= info.state.last_seq) break;
    }
    clearTimeout(limit);
    if (lastSeq < info.state.last_seq) {
      throw new Error(`the log was read to ${lastSeq} of ${info.state.last_seq} in ${READ_LIMIT_MS / 1000} s`);
    }
  }
  return { epoch, rooms: new Map(rooms.map((room) => [room, bySubject.get(logSubject(room))!])) };
}

/**
 * A room's whole history, of all epochs, as the HTTP API pages it out of MongoDB.
 * @throws when it cannot be read now
 */
export async function readHistory(edgeUrl: string, room: string): Promise<Told[]> {
  const told: Told[] = [];
  for (let after = "0.0"; ; ) {
    const url = `${edgeUrl}/v1/rooms/${encodeURIComponent(room)}/messages?after=${after}&limit=${PAGE}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`GET ${url}: ${response.status}`);
    const page = (await response.json()) as HistoryPage;
    told.push(...page.messages.map(keep));
    if (page.foundNewest || page.messages.length === 0) return told;
    after = page.messages.at(-1)!.position;
  }
}

/** Spelled out here once more, and not taken from the broker: what is checked is not to check itself. */
export function logSubject(room: string): string {
  const token = roomToken(room);
  return `chat.log.${roomPartition(token)}.${token}`;
}
