import { readAuthSettings } from "@madang/auth";
import { DEFAULT_LOG_SETTINGS, openConsumer, openLogAdmin, UnsafeLogError } from "@madang/broker";
import { createFailureLog, createLogger, onShutdown, run, warnAboutMisspeltSettings } from "@madang/runtime";
import { buildApp } from "./app.ts";
import { loadConfig, PERSISTENCE_SETTINGS } from "./config.ts";
import { Eraser } from "./moderation/eraser.ts";
import { markInterruptedActs } from "./moderation/interrupted-acts.ts";
import { openMongoAdminStore } from "./mongo/admin-store.ts";
import { openMongoStore } from "./mongo/store.ts";
import { startProjection } from "./projection/loop.ts";
import { Floor } from "./recovery/floor.ts";
import { renewRestoredLog } from "./recovery/restored-log.ts";
import { rereadForRestoredStore } from "./recovery/restored-store.ts";

const STOP_LIMIT_MS = 10_000;
/** The rest of the stop limit is for the store and the sockets. */
const DRAIN_LIMIT_MS = 8000;

await run(async () => {
  // This comes first, because a misspelt name may be the reason why the settings are refused.
  warnAboutMisspeltSettings(createLogger("persistence", "warn"), PERSISTENCE_SETTINGS);
  const config = loadConfig();
  const auth = readAuthSettings(config.HOST);
  const log = createLogger("persistence", config.LOG_LEVEL);
  const onFailure = createFailureLog(log);
  const onSevereFailure = createFailureLog({ warn: log.error.bind(log) });

  const logSettings = { ...DEFAULT_LOG_SETTINGS, ...config.log };

  const store = openMongoStore(config.MONGODB_URL, config.mongoCaFile);
  const recoveryDeps = () => ({ store, floor, logAdmin, onFailure });
  const [renew, reread] = [renewRestoredLog(recoveryDeps), rereadForRestoredStore(recoveryDeps)];
  const consumer = openConsumer({
    nats: { ...config.nats, name: "persistence", inboxPrefix: "_INBOX_persistence" },
    log: logSettings,
    accept: async (found) => {
      // The log keeps being projected: its events still have to be stored.
      if (found.unsafeSettings.length > 0)
        onSevereFailure(
          "the settings of the log were changed: acknowledged events are not safe",
          new UnsafeLogError(found.unsafeSettings),
        );
      await renew(found);
      await reread(found);
    },
    onFailure,
  });
  const floor = new Floor(consumer, store);
  const projection = startProjection({ store, consumer, log, onFailure });

  // Moderation has its own connection, because the role that projects the log may not write to it.
  const admin = openMongoAdminStore(config.MONGODB_URL, config.mongoCaFile);
  const logAdmin = openLogAdmin(
    { ...config.adminNats, name: "persistence (admin)", inboxPrefix: "_INBOX_admin" },
    logSettings,
    onFailure,
  );
  const eraser = new Eraser({ logAdmin, store: admin, floor, onFailure });
  const stopMarking = markInterruptedActs(admin.audit, onFailure);

  const moderation = { token: config.ADMIN_TOKEN, logAdmin, admin };
  const app = await buildApp({ log, auth, store, floor, consumer, counts: projection.counts, moderation });
  await app.listen({ host: config.HOST, port: config.PORT });

  onShutdown(log, STOP_LIMIT_MS, async () => {
    await app.close();
    await eraser.close();
    stopMarking();
    await logAdmin.close();
    await admin.close();
    floor.close();
    projection.stop();
    await consumer.close(DRAIN_LIMIT_MS);
    await store.close();
  });
});
