import fastifyHelmet from "@fastify/helmet";
import type { Gossip, Log, Rules } from "@madang/broker";
import { NO_GOSSIP, NO_RULES } from "@madang/broker";
import {
  addHealthRoutes,
  addHttpConformance,
  addJsonBodyParser,
  addMethodNotAllowed,
  addMetricsRoute,
  CONFORMANCE_OPTIONS,
  createFailureLog,
  type Logger,
  problem,
  type Readiness,
  sendClientError,
  sendError,
  sendProblem,
} from "@madang/runtime";
import { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, fastify, LogController } from "fastify";
import { Guard } from "./access/guard.ts";
import { NO_FILTER } from "./access/message-filter.ts";
import { enforceRules, Moderation } from "./access/moderation.ts";
import { SharedUsage } from "./access/shared-usage.ts";
import { FairReading } from "./arrival/fair-reading.ts";
import { HandshakeGate } from "./arrival/handshake-gate.ts";
import type { EdgeConfig } from "./config.ts";
import { HistoryClient } from "./history/history-client.ts";
import { FailoverClient } from "./history/persistence-client.ts";
import { apiRoutes } from "./http/api.ts";
import { API_SECURITY, addBearerChallenge, limitRequests } from "./http/guards.ts";
import { refuseUntilReady } from "./http/startup.ts";
import { isWebSocket, originForm, websocketRoutes } from "./http/websocket.ts";
import { edgeMetrics } from "./metrics.ts";
import { EdgeCounts } from "./rooms/counts.ts";
import { Hub } from "./rooms/hub.ts";
import { Replayer } from "./rooms/replayer.ts";
import { RingBudget } from "./rooms/ring.ts";
import type { EdgeServices } from "./session/services.ts";
import { Sessions } from "./session/sessions.ts";
import { WriteScheduler } from "./socket/write-scheduler.ts";
import { BAD_URL_PATH, isBadUrl, wantsPage } from "./web/bad-url.ts";
import { webPages } from "./web/index.ts";

/** The longest room name is 400 bytes of UTF-8, each three characters when percent-encoded. */
const MAX_PARAM_LENGTH = 1300;

/** Node answers all sockets whose time for a request is over in one turn: with a short interval they are few. */
const CONNECTIONS_CHECK_MS = 20;

export interface Edge {
  readonly app: FastifyInstance;
  readonly services: EdgeServices;
  readonly sessions: Sessions;
  /** Drains the sessions over `drainMs`, then closes the rooms. Idempotent. */
  drain(drainMs: number): Promise<void>;
}

export interface EdgeDeps {
  readonly log: Log;
  readonly logger: Logger;
  readonly rules?: Rules;
  readonly gossip?: Gossip;
  /** Why the edge cannot serve yet, by dependency. Empty from the first time on that all were there. */
  readonly waitsFor?: Readiness;
}

/** Builds the edge without listening: `main` listens, and tests inject requests. */
export async function buildApp(config: EdgeConfig, deps: EdgeDeps): Promise<Edge> {
  const { log, logger, rules = NO_RULES, gossip = NO_GOSSIP, waitsFor = () => ({}) } = deps;
  const { limits, textMaxCharacters, persistenceUrls } = config;

  const token = config.auth.mode === "jwt" ? config.auth.edgeToken : undefined;
  const persistence = new FailoverClient(persistenceUrls, { onFailure: createFailureLog(logger) });
  const history = new HistoryClient(persistence, { token });
  const usage = new SharedUsage(gossip);
  const guard = new Guard(config, rules, usage, createFailureLog(logger));
  const moderation = new Moderation(rules, config.filter ?? NO_FILTER, usage);
  const counts = new EdgeCounts();
  const writes = new WriteScheduler();
  const reads = new FairReading();
  const ringBudget = new RingBudget(config.ringMaxBytes);
  const hub = new Hub({ log, logger, replayer: new Replayer(log, history), ringBudget, counts, writes });
  const sessions = new Sessions(guard);
  const settings = { limits, textMaxCharacters };
  const services: EdgeServices = { settings, log, logger, guard, moderation, hub, counts };
  enforceRules(rules, sessions);
  // After the sessions' removal from the room.
  rules.onChange((rule) => {
    if (rule.kind === "room") hub.forget(rule.room);
  });

  const app = createServer(config, logger);
  app.addHook("onClose", () => persistence.close());
  app.decorateRequest("identity");
  await app.register(fastifyHelmet, API_SECURITY);
  app.setErrorHandler(sendError);
  addBearerChallenge(app);
  addHttpConformance(app);
  addMethodNotAllowed(app);
  addJsonBodyParser(app);
  addHealthRoutes(app, () => ({
    ...(sessions.isDraining ? { edge: "draining" } : {}),
    ...waitsFor(),
    ...(log.trouble === undefined ? {} : { log: log.trouble }),
  }));
  addMetricsRoute(app, edgeMetrics({ services, sessions, ringBudget }));
  if (!config.trustProxy) guard.addressLimits.watch(app.server);
  await websocketRoutes(app, { services, sessions, gate: new HandshakeGate(), reads, writes });
  refuseUntilReady(app, waitsFor);
  await app.register(async (pages) => {
    await limitRequests(pages, limits.requests);
    await pages.register(webPages, { history, guard, textMaxCharacters, loginUrl: config.loginUrl });
  });
  await app.register(apiRoutes(services, persistence));

  let draining: Promise<void> | undefined;
  const drain = (drainMs: number) => {
    draining ??= sessions.drain(drainMs).then(() => {
      guard.close();
      hub.close();
    });
    return draining;
  };
  return { app, services, sessions, drain };
}

function createServer({ limits, trustProxy }: EdgeConfig, logger: Logger): FastifyInstance {
  return fastify({
    loggerInstance: logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // Requests are not logged, so they share one logger; a route with its own level has its own.
    childLoggerFactory: (parent, bindings, options) => (options.level ? parent.child(bindings, options) : parent),
    bodyLimit: limits.frameBytes,
    trustProxy,
    requestTimeout: limits.requestMs,
    http: {
      ...CONFORMANCE_OPTIONS,
      headersTimeout: limits.requestMs,
      maxHeaderSize: limits.headerBytes,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      shouldUpgradeCallback: isWebSocket,
    },
    // A value of the wrong type or an unknown field is the sender's mistake: the server reports it and repairs nothing.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    forceCloseConnections: true,
    clientErrorHandler: sendClientError,
    // Browsers get a page for a URL that cannot be decoded.
    rewriteUrl: (request) =>
      isBadUrl(request) && wantsPage(request) && !isWebSocket(request) ? BAD_URL_PATH : originForm(request.url ?? "/"),
    // Other clients get a problem: such a URL reaches neither the error handler nor a hook.
    frameworkErrors: (_error, { raw }, reply) => {
      if (isWebSocket(raw)) reply.raw.once("finish", () => raw.socket.destroySoon());
      sendProblem(reply as FastifyReply, problem("bad_request"));
    },
  });
}
