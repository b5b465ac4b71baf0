import { randomUUID } from "node:crypto";
import { DEFAULT_LOG_SETTINGS, openControl, openLog } from "@madang/broker";
import { createFailureLog, createLogger, onShutdown, run, warnAboutMisspeltSettings } from "@madang/runtime";
import { maxSockets } from "./access/address-limits.ts";
import { buildApp } from "./app.ts";
import { EDGE_SETTINGS, edgeConfig } from "./config.ts";

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

  const onFailure = createFailureLog(logger);
  const role = { ...config.nats, name: "madang edge", inboxPrefix: INBOX_PREFIX };
  const log = openLog(role, { ...DEFAULT_LOG_SETTINGS, ...config.log }, onFailure);
  const control = openControl({ ...role, name: `${role.name} (control)` }, onFailure);
  const waitsFor = () => ({
    ...(log.isReady ? {} : { log: log.trouble ?? "not ready" }),
    ...(control.isReady ? {} : { rules: control.trouble ?? "not ready" }),
  });
  const { rules, gossip } = control;
  const { app, services, sessions, drain } = await buildApp(config, { log, logger, rules, gossip, waitsFor });
  const id = randomUUID();
  const report = () =>
    control.report({ id, connections: sessions.size, rooms: services.hub.size, stored: services.counts.stored });
  const reporting = setInterval(report, REPORT_INTERVAL_MS);

  leave = async () => {
    await drain(config.drainMs);
    clearInterval(reporting);
    await control.close();
    await log.close(LOG_LIMIT_MS);
    await app.close();
  };

  app.server.maxConnections = maxSockets();
  // Listens at once: while NATS is away it answers probes and metrics, and refuses everything else.
  await app.listen({ host: config.host, port: config.port });
  await Promise.all([log.ready, control.ready]);
  report();
});
