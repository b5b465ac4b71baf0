import { connect, type NatsConnection } from "@nats-io/transport-node";
import { reasonOfDial } from "./reason.ts";

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
/** Of a new connection, up to the server's first pong: one that hangs must not cost more than a ping. By default 20 s. */
const DIAL_LIMIT_MS = 5000;
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 250;
/** A clock that goes back by less keeps nobody waiting for long. */
const CLOCK_SLACK_MS = 1000;
/** Without a connection for so long it is asked why, and then again each so often. */
const ASKED_AFTER_MS = 500;
const ASKED_EACH_MS = 5000;
/** More than a cluster has servers. */
const DIALS_AFTER_SETBACK = 16;

/**
 * Connects and keeps on reconnecting for ever; the first connection is waited for too.
 * @param wait false: fails when no server lets us in now
 */
export async function connectNats(settings: NatsSettings, wait = true): Promise<NatsConnection> {
  const servers = settings.url.split(",").map((url) => new URL(url.includes("://") ? url : `nats://${url}`));
  const { username, password } = servers[0]!;
  const nc = await connect({
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
    timeout: DIAL_LIMIT_MS,
    reconnectDelayHandler: reconnectDelays(),
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
    pedantic: true,
  });
  void endStale(nc);
  return nc;
}

/** Connects as {@link connectNats} does, and tells why for as long as there is no connection: see {@link tellWhyNot}. */
export async function connectTelling(
  settings: NatsSettings,
  onFailure: (reason: string) => void,
): Promise<NatsConnection> {
  const stop = tellWhyNot(settings, onFailure);
  try {
    return await connectNats(settings);
  } finally {
    stop();
  }
}

/**
 * Finds out what the library, which dials for ever, keeps for itself: by a dial of its own, now and then.
 * @param onFailure told each time that it is let in no more than the library is
 * @returns ends it
 */
export function tellWhyNot(settings: NatsSettings, onFailure: (reason: string) => void): () => void {
  let stopped = false;
  const ask = async () => {
    const error = await connectNats(settings, false).then(
      (nc) => nc.close(),
      (error: Error) => error,
    );
    if (stopped) return;
    if (error) onFailure(reasonOfDial(error));
    timer = setTimeout(ask, ASKED_EACH_MS).unref();
  };
  let timer = setTimeout(ask, ASKED_AFTER_MS).unref();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/**
 * The library compares wall-clock times of its last dials: were the clock set back by an hour, it would not dial for an hour.
 * It takes the answer for the least time between two dials of one server, so a negative one has it dial.
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

/** What the library has no method for. */
interface Inside {
  readonly protocol: { readonly transport: { close(error: Error): Promise<void> } };
}

/**
 * Of a link that is found dead the library first writes out what waits: where the dead end takes in no more bytes that is
 * never, and the loss of the link would never be noticed.
 */
async function endStale(nc: NatsConnection): Promise<void> {
  for await (const { type } of nc.status()) {
    if (type === "staleConnection") await (nc as unknown as Inside).protocol.transport.close(new Error("stale"));
  }
}
