import { randomUUID } from "node:crypto";
import { type Control, DEFAULT_LOG_SETTINGS, type Log, openControl, openLog, UnsafeLogError } from "@madang/broker";
import { createLogger, OperatorError, onShutdown, run, warnAboutMisspeltSettings } from "@madang/runtime";
import { maxSockets } from "./access/address-limits.ts";
import { buildApp } from "./app.ts";
import { waitInLobby } from "./arrival/lobby.ts";
import { EDGE_SETTINGS, type EdgeConfig, edgeConfig } from "./config.ts";

/** Time for what is left after the clients are gone: the log's last answers and the HTTP server. */
const CLOSE_LIMIT_MS = 10_000;
/** The clients' own answers have been waited for by then, and that may have taken half of the time. */
const LOG_LIMIT_MS = 2000;
const REPORT_INTERVAL_MS = 5000;
/** Of the NATS role: with the permissions that infra/nats ships, an edge sees no inbox but its own. */
const INBOX_PREFIX = "_INBOX_edge";

await run(async () => {
  // First of all: a misspelt name may be the reason why the settings are refused.
  warnAboutMisspeltSettings(createLogger("edge", "warn"), EDGE_SETTINGS);
  const config = edgeConfig();
  const logger = createLogger("edge", config.logLevel);
  // Before there is anything to take leave of, a signal just ends it.
  let leave = async (): Promise<void> => {};
  onShutdown(logger, config.drainMs + CLOSE_LIMIT_MS, () => leave());

  const address = { host: config.host, port: config.port };
  let trouble: string | undefined;
  const opening = open(config, (reason) => {
    trouble = reason;
  });
  const lobby = { address, requestMs: config.limits.requestMs, logger, trouble: () => trouble };
  const [log, control] = await waitInLobby(opening, lobby);
  const { app, services, sessions, drain } = await buildApp(config, {
    log,
    logger,
    rules: control.rules,
    gossip: control.gossip,
  });
  const id = randomUUID();
  const report = () =>
    control.report({ id, connections: sessions.size, rooms: services.hub.size, stored: services.counts.stored });
  report();
  const reporting = setInterval(report, REPORT_INTERVAL_MS);

  leave = async () => {
    await drain(config.drainMs);
    clearInterval(reporting);
    await control.close();
    await log.close(LOG_LIMIT_MS);
    await app.close();
  };

  app.server.maxConnections = maxSockets();
  await app.listen(address);
});

function open({ nats, log: made }: EdgeConfig, onFailure: (reason: string) => void): Promise<[Log, Control]> {
  const role = { ...nats, name: "madang edge", inboxPrefix: INBOX_PREFIX };
  const settings = { ...DEFAULT_LOG_SETTINGS, ...made };
  const log = openLog(role, settings, onFailure).catch((error: Error) => {
    throw error instanceof UnsafeLogError ? new OperatorError(error.message) : error;
  });
  return Promise.all([log, openControl({ ...role, name: `${role.name} (control)` })]);
}
