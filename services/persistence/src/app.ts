import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { AuthSettings } from "@madang/auth";
import type { LogAdmin, LogConsumer } from "@madang/broker";
import { FRAME_MAX_BYTES } from "@madang/protocol";
import {
  addErrorHandlers,
  addHealthRoutes,
  addHttpConformance,
  addJsonBodyParser,
  addMethodNotAllowed,
  addMetricsRoute,
  addQueryIntegerCheck,
  CONFORMANCE_OPTIONS,
  type Logger,
  problem,
  sendClientError,
  sendProblem,
} from "@madang/runtime";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, LogController } from "fastify";
import { adminOff, adminPages } from "./admin/pages.ts";
import { addAccess } from "./http/access.ts";
import { addCaching } from "./http/caching.ts";
import { messageRoutes } from "./http/messages.ts";
import { addDocs } from "./http/openapi.ts";
import { roomRoutes } from "./http/rooms.ts";
import { type MetricDeps, persistenceMetrics } from "./metrics.ts";
import { requireNotErasing } from "./moderation/moderator.ts";
import type { Floor } from "./recovery/floor.ts";
import type { AdminStore } from "./store/admin-store.ts";
import type { Store } from "./store/store.ts";

export interface Deps extends MetricDeps {
  readonly log: Logger;
  readonly auth: AuthSettings;
  readonly store: Store;
  readonly floor: Floor;
  readonly consumer: Pick<LogConsumer, "connected" | "trouble">;
  /** Without it there is no moderation. With an empty token only the admin page is off; rules apply. */
  readonly moderation?: { readonly token: string; readonly logAdmin: LogAdmin; readonly admin: AdminStore };
}

/** NFC may shorten a room name, and each byte of its given form takes three characters in a URL. */
const ROOM_PARAM_MAX_LENGTH = 8 * 1024;

/** Serves history and the admin page over HTTP. Clients reach history through the edges, which are the public tier. */
export async function buildApp(deps: Deps): Promise<FastifyInstance> {
  const { log, auth, store, floor, consumer, moderation } = deps;
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    http: CONFORMANCE_OPTIONS,
    bodyLimit: FRAME_MAX_BYTES,
    // During a shutdown, answer the requests on the edges' open connections, and close each connection with its answer.
    return503OnClosing: false,
    routerOptions: { maxParamLength: ROOM_PARAM_MAX_LENGTH },
    // Refuse unknown parameters and properties by name instead of dropping them.
    ajv: { customOptions: { removeAdditional: false } },
    clientErrorHandler: sendClientError,
    // A URL that cannot be decoded does not reach the error handler.
    frameworkErrors: (_error, _request, reply) => sendProblem(reply as FastifyReply, problem("bad_request")),
  }).withTypeProvider<TypeBoxTypeProvider>();
  addErrorHandlers(app);
  addHttpConformance(app);
  addMethodNotAllowed(app);
  addJsonBodyParser(app);
  addQueryIntegerCheck(app);
  addAccess(app, auth, moderation?.logAdmin.rules);
  await addCaching(app);
  await addDocs(app);
  addHealthRoutes(app, () => ({
    ...(store.ready ? {} : { mongodb: "unreachable, or not migrated yet" }),
    ...(consumer.trouble === undefined ? {} : { nats: consumer.trouble }),
  }));
  addMetricsRoute(app, persistenceMetrics(deps));
  await app.register(roomRoutes(store, async (room) => moderation && requireNotErasing(moderation.admin.jobs, room)));
  await app.register(messageRoutes(store, floor));
  await app.register(
    moderation && moderation.token !== ""
      ? adminPages(moderation.token, { ...moderation, store, floor, log })
      : adminOff,
  );
  return app;
}
