import { setTimeout as delay } from "node:timers/promises";
import type { ConsumedRecord } from "@madang/broker";
import { type Child, startMongod, startNats } from "@madang/local-stack";
import { encodeEvent, type LogEvent } from "@madang/protocol";
import { createLogger } from "@madang/runtime";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type Document, MongoClient } from "mongodb";
import type { Test } from "tap";
import { connectNats } from "../../../packages/broker/src/connect.ts";
import { DEFAULT_LOG_SETTINGS, ensureStream } from "../../../packages/broker/src/stream-config.ts";
import { logSubject } from "../../../packages/broker/src/subjects.ts";
import { openMongoStore } from "../src/mongo/store.ts";
import type { Position } from "../src/store/position.ts";
import type { Store } from "../src/store/store.ts";

export type Scope = Pick<Test, "teardown">;

export const ROOMS = ["a", "a|b", "a b", "수다방"] as const;
export const silent = createLogger("test", "silent");

export async function mongod(t: Scope): Promise<Child> {
  const child = await startMongod();
  t.teardown(() => child.stop());
  return child;
}

export async function nats(t: Scope): Promise<Child> {
  const child = await startNats();
  t.teardown(() => child.stop());
  return child;
}

let databases = 0;

/** The URL of an unused database. */
export function freshDatabase(server: Child): string {
  return server.url.replace("/madang", `/madang_${process.pid}_${++databases}`);
}

export async function openStore(t: Scope, url: string): Promise<Store> {
  const store = openMongoStore(url);
  t.teardown(() => store.close());
  // Fails while another instance migrates the data.
  await eventually("the store opens", () =>
    store.open().then(
      () => true,
      () => false,
    ),
  );
  return store;
}

/** Direct access to the database. */
export function lookInside(t: Scope, url: string) {
  const client = new MongoClient(url);
  t.teardown(() => client.close());
  const db = client.db();
  return {
    db,
    dump: (name: string): Promise<Document[]> => db.collection(name).find().sort({ _id: 1 }).toArray(),
    clear: async (): Promise<void> => {
      const names = ["messages", "rooms", "dead_letters"];
      await Promise.all(names.map((name) => db.collection(name).deleteMany({})));
    },
  };
}

export function record(event: LogEvent, position: Position, deliveries = 1): ConsumedRecord {
  return { room: event.room, subject: logSubject(event.room), ...position, data: encodeEvent(event), deliveries };
}

export function message(room: string, text: string, rest: object = {}): LogEvent {
  return { type: "message", room, user: "민수", message: text, at: new Date().toISOString(), ...rest };
}

/** Publishes to the log, as the edges do. */
export async function openPublisher(t: Scope, url: string) {
  const nc = await connectNats({ url, name: "test" });
  t.teardown(() => nc.close());
  const jsm = await jetstreamManager(nc, { checkAPI: false });
  const js = jetstream(nc);
  const { epoch } = await ensureStream(jsm, DEFAULT_LOG_SETTINGS);
  /** Retries until the log acknowledges. Without an id a retry could store the event twice, so the call waits instead. */
  const raw = async (subject: string, data: Uint8Array | string, id?: string): Promise<number> => {
    for (;;) {
      try {
        return (await js.publish(subject, data, id ? { timeout: 1000, msgID: id } : { timeout: 30_000 })).seq;
      } catch (error) {
        if (id === undefined) throw error;
        await delay(50);
      }
    }
  };
  return {
    nc,
    jsm,
    epoch,
    raw,
    publish: (event: LogEvent, id?: string) => raw(logSubject(event.room), encodeEvent(event), id),
  };
}

export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 40_000,
): Promise<void> {
  const until = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error(`not in time: ${what}`);
    await delay(10);
  }
}
