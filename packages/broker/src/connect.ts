import { connect, type NatsConnection } from "@nats-io/transport-node";
import { reasonOfDial } from "./reason.ts";

/** How to reach NATS. */
export interface NatsSettings {
  /** Comma-separated `nats://[user:password@]host:port` or `tls://…`. User, password and scheme of the first hold for all. */
  readonly url: string;
  /** The name of this connection in the server's monitoring. */
  readonly name: string;
  /** The prefix of this connection's inboxes, so that NATS can deny the role all others. */
  readonly inboxPrefix?: string;
  /** A CA file, where the server's certificate is not publicly trusted. */
  readonly caFile?: string;
}

/** Two unanswered pings end a connection: a dead link is noticed within 15 s. */
const PING_INTERVAL_MS = 5000;
const MAX_PINGS_OUT = 2;
/** From the dial to the server's first pong. The library's default of 20 s would make one hanging server too expensive. */
const DIAL_LIMIT_MS = 5000;
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 250;
/** A clock that is set back by less delays a dial by no more than this. */
const CLOCK_SLACK_MS = 1000;
/** The first question for the reason comes after this long without a connection, and further ones at this interval. */
const FIRST_PROBE_MS = 500;
const PROBE_INTERVAL_MS = 5000;
/** More than a cluster has servers. */
const DIALS_AFTER_SETBACK = 16;

/**
 * Connects, and reconnects after each loss, without end.
 * @param once true: rejects when no server accepts the connection now. Default: keeps dialling
 * @param signal ends the dialling; the promise then rejects
 * @throws on settings that the library refuses
 */
export async function connectNats(
  settings: NatsSettings,
  { once = false, signal }: { once?: boolean; signal?: AbortSignal } = {},
): Promise<NatsConnection> {
  const servers = settings.url.split(",").map((url) => new URL(url.includes("://") ? url : `nats://${url}`));
  const { username, password } = servers[0]!;
  const delayOf = reconnectDelays();
  const nc = await connect({
    servers: servers.map((url) => `${url.hostname}:${url.port || 4222}`),
    name: settings.name,
    ...(username ? { user: decodeURIComponent(username), pass: decodeURIComponent(password) } : {}),
    ...(settings.inboxPrefix ? { inboxPrefix: settings.inboxPrefix } : {}),
    ...(settings.caFile || servers[0]!.protocol === "tls:"
      ? { tls: settings.caFile ? { caFile: settings.caFile } : {} }
      : {}),
    maxReconnectAttempts: -1,
    waitOnFirstConnect: !once,
    ignoreAuthErrorAbort: !once,
    timeout: DIAL_LIMIT_MS,
    reconnectDelayHandler: () => {
      // The library has no way to cancel a first dial. An error thrown here ends it.
      signal?.throwIfAborted();
      return delayOf();
    },
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    pedantic: true,
  });
  void closeStaleTransport(nc);
  return nc;
}

/**
 * Finds out why NATS cannot be reached, which the library keeps to itself while it dials: by a dial of its own after 0.5 s,
 * and then every 5 s.
 * @param onReason called after each dial of its own that failed
 * @returns a function that ends the probing
 */
export function probeDialFailures(settings: NatsSettings, onReason: (reason: string) => void): () => void {
  let stopped = false;
  const probe = async () => {
    const error = await connectNats(settings, { once: true }).then(
      (nc) => nc.close(),
      (error: Error) => error,
    );
    if (stopped) return;
    if (error) onReason(reasonOfDial(error));
    timer = setTimeout(probe, PROBE_INTERVAL_MS).unref();
  };
  let timer = setTimeout(probe, FIRST_PROBE_MS).unref();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/**
 * The library compares wall-clock times of its last dials: after the clock was set back by an hour, it would not dial for
 * an hour. It takes the returned value as the least time between two dials of one server, so a negative one makes it dial.
 */
function reconnectDelays(): () => number {
  const offset = () => Date.now() - performance.now();
  let known = offset();
  let setBackMs = 0;
  let dials = 0;
  return () => {
    const change = offset() - known;
    known += change;
    if (change < -CLOCK_SLACK_MS) {
      setBackMs = (dials > 0 ? setBackMs : 0) - change + CLOCK_SLACK_MS;
      dials = DIALS_AFTER_SETBACK;
    }
    return dials-- > 0 ? -setBackMs : RECONNECT_WAIT_MS + Math.random() * RECONNECT_JITTER_MS;
  };
}

/** An internal of the library (nats-core 3): it has no public method for this. */
interface Internals {
  readonly protocol: { readonly transport: { close(error: Error): Promise<void> } };
}

/**
 * On a link that it found dead, the library first flushes what waits to be sent. A peer that reads nothing makes that last
 * for ever, and the loss of the link would never be noticed. So the transport is closed at once.
 */
async function closeStaleTransport(nc: NatsConnection): Promise<void> {
  for await (const { type } of nc.status()) {
    if (type === "staleConnection") await (nc as unknown as Internals).protocol.transport.close(new Error("stale"));
  }
}
