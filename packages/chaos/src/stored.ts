/** Reads the stored messages, without Madang's own code where possible. */

import { setTimeout as delay } from "node:timers/promises";
import { type HistoryPage, roomPartition, roomToken } from "@madang/protocol";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { keep, type MessageRecord } from "./view.ts";

export const STREAM = "CHAT";
const READ_LIMIT_MS = 60_000;
const RETRY_MS = 500;
const BATCH_BYTES = 256 * 1024;
const PAGE = 100;

/** Opens the connection by which scenarios read and damage the log. */
export async function connectLog(url: string): Promise<NatsConnection> {
  return connect({ servers: url.replaceAll("nats://", "").split(","), name: "chaos", maxReconnectAttempts: -1 });
}

/** The contents of the stream. */
export interface StoredLog {
  readonly epoch: string;
  /** The messages of each room, in the order of the log. */
  readonly rooms: ReadonlyMap<string, readonly MessageRecord[]>;
}

/**
 * Reads the whole stream with an ordered consumer of the NATS library. Retries while a cluster elects a leader.
 * @throws Error when the stream could not be read to its end
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
  const bySubject = new Map(rooms.map((room) => [logSubject(room), [] as MessageRecord[]]));
  if (info.state.messages > 0) {
    const consumer = await jsm.jetstream().consumers.get(STREAM);
    // Small batches, so that a server with a low limit for slow consumers does not disconnect this one.
    const messages = await consumer.consume({ max_bytes: BATCH_BYTES });
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
 * Reads the whole history of a room, of all epochs, over the HTTP API.
 * @throws Error when it cannot be read now
 */
export async function readHistory(edgeUrl: string, room: string): Promise<MessageRecord[]> {
  const messages: MessageRecord[] = [];
  for (let after = "0.0"; ; ) {
    const url = `${edgeUrl}/v1/rooms/${encodeURIComponent(room)}/messages?after=${after}&limit=${PAGE}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`GET ${url}: ${response.status}`);
    const page = (await response.json()) as HistoryPage;
    messages.push(...page.messages.map(keep));
    if (page.foundNewest || page.messages.length === 0) return messages;
    after = page.messages.at(-1)!.position;
  }
}

/** Repeats the rule of the broker, because a check must not rely on the code that it checks. */
export function logSubject(room: string): string {
  const token = roomToken(room);
  return `chat.log.${roomPartition(token)}.${token}`;
}
