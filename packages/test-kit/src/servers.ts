import { type Child, type MongodOptions, type NatsOptions, startMongod, startNats } from "@madang/local-stack";
import type { Scope } from "./scope.ts";

/** A URL at which nothing listens: connections are refused at once. */
export const NOWHERE = "http://127.0.0.1:9";

/** A nats-server with JetStream on loopback. */
export async function natsFor(t: Scope, options: NatsOptions = {}): Promise<Child> {
  const child = await startNats(options);
  t.teardown(() => child.stop());
  return child;
}

/** A mongod on loopback, as a replica set of one. */
export async function mongodFor(t: Scope, options: MongodOptions = {}): Promise<Child> {
  const child = await startMongod(options);
  t.teardown(() => child.stop());
  return child;
}

let databases = 0;

/** The URL of a database on this server that no other test uses. */
export function freshDatabase(server: Child): string {
  return server.url.replace("/madang", `/madang_${process.pid}_${++databases}`);
}
