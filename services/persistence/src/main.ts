import { readAuthSettings } from "@madang/auth";
import { DEFAULT_LOG_SETTINGS, openConsumer } from "@madang/broker";
import { ConfigError, createLogger, onShutdown } from "@madang/runtime";
import { buildApp } from "./app.ts";
import { type Config, loadConfig } from "./config.ts";
import { Floor } from "./floor.ts";
import { openMongoStore } from "./mongo-store.ts";
import { startProjecting } from "./projecting.ts";
import { createTroubleLog } from "./trouble.ts";

const STOP_LIMIT_MS = 10_000;
/** What is left of it for the store and the sockets. */
const DRAIN_LIMIT_MS = 8000;

async function main(config: Config): Promise<void> {
  const auth = readAuthSettings(config.HOST);
  const log = createLogger("persistence", config.LOG_LEVEL);
  const onTrouble = createTroubleLog(log);

  const store = openMongoStore(config.MONGODB_URL);
  const consumer = openConsumer({
    nats: { url: config.NATS_URL, name: "persistence" },
    log: { ...DEFAULT_LOG_SETTINGS, replicas: config.LOG_REPLICAS, maxBytes: config.LOG_MAX_BYTES },
    onTrouble,
  });
  const floor = new Floor(consumer, store);
  const projecting = startProjecting({ store, consumer, log, onTrouble });

  const app = await buildApp({ log, auth, store, floor, consumer, counts: projecting.counts });
  await app.listen({ host: config.HOST, port: config.PORT });

  onShutdown(log, STOP_LIMIT_MS, async () => {
    await app.close();
    floor.close();
    projecting.stop();
    await consumer.close(DRAIN_LIMIT_MS);
    await store.close();
  });
}

try {
  await main(loadConfig());
} catch (error) {
  const known = error instanceof ConfigError || (error as NodeJS.ErrnoException).code === "EADDRINUSE";
  console.error(known ? (error as Error).message : error);
  process.exit(1);
}
