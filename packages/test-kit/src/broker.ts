import { type Control, DEFAULT_LOG_SETTINGS, type LogAdmin, openControl, openLogAdmin } from "@madang/broker";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Scope } from "./scope.ts";

/** Write access to the log and the moderation rules, as the persistence service has it. */
export async function logAdminFor(t: Scope, nats: { readonly url: string }): Promise<LogAdmin> {
  const opened = openLogAdmin({ url: nats.url, name: "test" }, DEFAULT_LOG_SETTINGS, () => {});
  t.teardown(() => opened.close());
  await opened.ready;
  return opened;
}

/** The moderation rules and the gossip of edges, as an edge has them. */
export async function controlFor(t: Scope, nats: { readonly url: string }): Promise<Control> {
  const opened = openControl({ url: nats.url, name: "test" });
  await opened.ready;
  t.teardown(() => opened.close());
  return opened;
}

/** A bare connection to NATS, and the manager of its streams. */
export async function natsConnection(
  t: Scope,
  nats: { readonly url: string },
): Promise<{ readonly nc: NatsConnection; readonly jsm: JetStreamManager }> {
  const nc = await connect({ servers: nats.url });
  t.teardown(() => nc.close());
  return { nc, jsm: await jetstreamManager(nc, { checkAPI: false }) };
}
