import { DEFAULT_LOG_SETTINGS, openLog } from "@madang/broker";
import { createLogger, onShutdown, run } from "@madang/runtime";
import type { FastifyListenOptions } from "fastify";
import { buildApp } from "./app.ts";
import { edgeConfig } from "./config.ts";
import { isOneOfMany, runProcesses } from "./processes.ts";

/** Time for what is left after the clients are gone: the log's last answers and the HTTP server. */
const CLOSE_LIMIT_MS = 10_000;

await run(async () => {
  const config = edgeConfig();
  const logger = createLogger("edge", config.logLevel);
  if (config.processes > 1 && !isOneOfMany) return runProcesses(config.processes, logger);
  const log = await openLog(
    { url: config.natsUrl, name: "madang edge", ...(config.natsCaFile ? { caFile: config.natsCaFile } : {}) },
    { ...DEFAULT_LOG_SETTINGS, replicas: config.logReplicas, maxBytes: config.logMaxBytes },
  );
  const { app, hub } = await buildApp(config, { log, logger });

  onShutdown(logger, config.drainMs + CLOSE_LIMIT_MS, async () => {
    await hub.drain(config.drainMs);
    await log.close(CLOSE_LIMIT_MS / 2);
    await app.close();
  });

  const address: FastifyListenOptions & { reusePort?: boolean } = { host: config.host, port: config.port };
  if (isOneOfMany) address.reusePort = true;
  await app.listen(address);
});
