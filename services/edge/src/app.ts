import fastifyHelmet from "@fastify/helmet";
import type { Gossip, Log, Rules } from "@madang/broker";
import {
  addHealthRoutes,
  addHttpConformance,
  addJsonBodyParser,
  addMethodNotAllowed,
  addMetricsRoute,
  CONFORMANCE_OPTIONS,
  createTroubleLog,
  type Logger,
  problem,
  sendClientError,
  sendError,
  sendProblem,
} from "@madang/runtime";
import { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, fastify, LogController } from "fastify";
import { acceptInTurns } from "./arrival/accept-queue.ts";
import { Admission } from "./arrival/admission.ts";
import type { EdgeConfig } from "./config.ts";
import { HistoryClient } from "./history/history-client.ts";
import { FailoverClient } from "./history/persistence-client.ts";
import { apiRoutes } from "./http/api.ts";
import { API_SECURITY, challengeWhoIsRefused, limitRequests } from "./http/guards.ts";
import { isWebSocket, originForm, websocketRoutes } from "./http/websocket.ts";
import { edgeMetrics } from "./metrics.ts";
import { Hub } from "./rooms/hub.ts";
import { Replayer } from "./rooms/replayer.ts";
import { BAD_URL_PATH, isBadUrl, wantsPage } from "./web/bad-url.ts";
import { webPages } from "./web/index.ts";

/** The longest room name is 400 bytes of UTF-8, each three characters when percent-encoded. */
const MAX_PARAM_LENGTH = 1300;

/** All sockets whose time for a request ran out since the last look are answered in one turn: they must not be thousands. */
const CONNECTIONS_CHECK_MS = 20;

export interface Edge {
  readonly app: FastifyInstance;
  readonly hub: Hub;
}

/** The edge without its socket to the world: what `main` listens with, and tests call. */
export async function buildApp(
  config: EdgeConfig,
  deps: { log: Log; logger: Logger; rules?: Rules; gossip?: Gossip },
): Promise<Edge> {
  const { log, logger, rules, gossip } = deps;
  const token = config.auth.mode === "jwt" ? config.auth.edgeToken : undefined;
  const persistence = new FailoverClient(config.persistenceUrls, { onTrouble: createTroubleLog(logger) });
  const history = new HistoryClient(persistence, { token });
  const hub = new Hub(log, new Replayer(log, history), config, logger, {
    ...(rules ? { rules } : {}),
    ...(gossip ? { gossip } : {}),
    ...(config.filter ? { filter: config.filter } : {}),
  });
  const app: FastifyInstance = fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // Requests are not logged, and what is wrong with us is not theirs: one logger for all whose route has no level of its own.
    childLoggerFactory: (parent, bindings, options) => (options.level ? parent.child(bindings, options) : parent),
    bodyLimit: config.limits.frameBytes,
    trustProxy: config.trustProxy,
    requestTimeout: config.limits.requestMs,
    http: {
      ...CONFORMANCE_OPTIONS,
      headersTimeout: config.limits.requestMs,
      maxHeaderSize: config.limits.headerBytes,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      shouldUpgradeCallback: isWebSocket,
    },
    // A number is no text, and a field that nobody knows is a mistake of the sender's: both are told, not repaired.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    forceCloseConnections: true,
    clientErrorHandler: sendClientError,
    // People get a page for a URL that cannot be decoded; a handshake has no page.
    rewriteUrl: (request) =>
      isBadUrl(request) && wantsPage(request) && !isWebSocket(request) ? BAD_URL_PATH : originForm(request.url ?? "/"),
    // For everybody else such a URL never gets to the error handler.
    frameworkErrors: (_error, { raw }, reply) => {
      // Nor to a hook: nobody else would ever look at a socket that has left HTTP.
      if (isWebSocket(raw)) reply.raw.once("finish", () => raw.socket.destroySoon());
      sendProblem(reply as FastifyReply, problem("bad_request"));
    },
  });
  const admission = new Admission(() => hub.counts.events);
  const endTurns = acceptInTurns(app.server, admission, config.limits.requestMs);
  app.addHook("preClose", async () => endTurns());
  app.decorateRequest("identity");
  await app.register(fastifyHelmet, API_SECURITY);
  app.setErrorHandler(sendError);
  challengeWhoIsRefused(app);
  addHttpConformance(app);
  addMethodNotAllowed(app);
  addJsonBodyParser(app);
  addHealthRoutes(app, () => ({
    ...(hub.draining ? { edge: "draining" } : {}),
    ...(log.trouble === undefined ? {} : { log: log.trouble }),
  }));
  addMetricsRoute(app, edgeMetrics(hub));
  if (!config.trustProxy) hub.guard.doorstep.watch(app.server);
  await websocketRoutes(app, hub, admission);
  await app.register(async (pages) => {
    await limitRequests(pages, config.limits.requests);
    await pages.register(webPages, { history, guard: hub.guard, textMaxCharacters: config.textMaxCharacters });
  });
  await app.register(apiRoutes(hub, persistence));
  app.addHook("onClose", () => persistence.close());
  return { app, hub };
}
