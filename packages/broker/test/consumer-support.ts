import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "@madang/local-stack";
import { eventually, natsConnection, type Scope } from "@madang/test-kit";
import { jetstream } from "@nats-io/jetstream";
import { type ConsumedRecord, type LogConsumer, openConsumer } from "../src/index.ts";
import { DEFAULT_LOG_SETTINGS, ensureStream } from "../src/stream-config.ts";
import { logSubject } from "../src/subjects.ts";

export const ROOMS = ["a", "a b", "수다방"];

export async function publisher(t: Scope, nats: Child) {
  const { nc, jsm } = await natsConnection(t, nats);
  const js = jetstream(nc);
  const { epoch } = await ensureStream(jsm, DEFAULT_LOG_SETTINGS);
  const publish = async (count: number): Promise<void> => {
    for (let i = 0; i < count; ) {
      const some = Array.from({ length: Math.min(200, count - i) }, () => logSubject(ROOMS[i++ % ROOMS.length]!));
      await Promise.all(some.map((subject, n) => js.publish(subject, `${i} ${n}`, { retries: 30, timeout: 1000 })));
    }
  };
  return { nc, jsm, epoch, publish };
}

/** A store in memory that remembers its records. */
export class Sink {
  readonly seen = new Map<string, number>();
  records: ConsumedRecord[] = [];
  fail = false;
  project = async (records: readonly ConsumedRecord[]): Promise<void> => {
    await delay(2);
    if (this.fail) throw new Error("no store");
    for (const record of records) {
      const key = `${record.epoch}.${record.seq}`;
      this.seen.set(key, (this.seen.get(key) ?? 0) + 1);
      this.records.push(record);
    }
  };
  /** Whether it has every sequence of 1…last of the epoch. */
  hasAll(epoch: string, last: number): boolean {
    for (let seq = 1; seq <= last; seq++) if (!this.seen.has(`${epoch}.${seq}`)) return false;
    return true;
  }
}

export function open(t: Scope, nats: Child, troubles: string[] = []): LogConsumer {
  const consumer = openConsumer({
    nats: { url: nats.url, name: "persistence" },
    log: DEFAULT_LOG_SETTINGS,
    onFailure: (what, error) => troubles.push(`${what}: ${error.message}`),
  });
  t.teardown(() => consumer.close(1000));
  return consumer;
}

export async function floorIs(consumer: LogConsumer, epoch: string, seq: number): Promise<void> {
  await eventually(
    async () => {
      const floor = await consumer.ackFloor().catch(() => undefined);
      return floor?.epoch === epoch && floor.seq === seq;
    },
    { limitMs: 60_000 },
  );
}
