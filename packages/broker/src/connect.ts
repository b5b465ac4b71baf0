import { connect, type NatsConnection } from "@nats-io/transport-node";

/** How to reach NATS. */
export interface NatsSettings {
  /** Comma-separated `nats://[user:password@]host:port`, or `tls://`; user, password and scheme of the first count for all. */
  readonly url: string;
  /** Shown in the server's monitoring. */
  readonly name: string;
  /** Own inbox prefix, so that the role may be refused all others. */
  readonly inboxPrefix?: string;
  /** A CA file where the server's certificate is not publicly trusted. */
  readonly caFile?: string;
}

/** A dead link is noticed after two unanswered pings: within 15 s. */
const PING_INTERVAL_MS = 5000;
const MAX_PINGS_OUT = 2;
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 250;

/**
 * Connects and keeps on reconnecting for ever; the first connection is waited for too.
 * @param wait false: fails when no server lets us in now
 */
export async function connectNats(settings: NatsSettings, wait = true): Promise<NatsConnection> {
  const servers = settings.url.split(",").map((url) => new URL(url.includes("://") ? url : `nats://${url}`));
  const { username, password } = servers[0]!;
  return connect({
    servers: servers.map((url) => `${url.hostname}:${url.port || 4222}`),
    name: settings.name,
    ...(username ? { user: decodeURIComponent(username), pass: decodeURIComponent(password) } : {}),
    ...(settings.inboxPrefix ? { inboxPrefix: settings.inboxPrefix } : {}),
    ...(settings.caFile || servers[0]!.protocol === "tls:"
      ? { tls: settings.caFile ? { caFile: settings.caFile } : {} }
      : {}),
    maxReconnectAttempts: -1,
    waitOnFirstConnect: wait,
    ignoreAuthErrorAbort: wait,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    pedantic: true,
  });
}
