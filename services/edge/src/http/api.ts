import type { FastifyPluginAsync } from "fastify";
import type { PersistenceClient } from "../history/persistence-client.ts";
import type { EdgeServices } from "../session/services.ts";
import { allowOrigins, limitRequests, refuseForeignWrites, requireIdentity } from "./guards.ts";
import { historyProxy } from "./history-proxy.ts";
import { sessionRoutes } from "./login-session.ts";
import { postMessageRoute } from "./post-message.ts";

/** The HTTP API: `/v1` for authenticated clients, `/session`, and `/docs` for all. */
export function apiRoutes(services: EdgeServices, persistence: PersistenceClient): FastifyPluginAsync {
  return async (app) => {
    const { guard, settings } = services;
    const { sends, requests } = settings.limits;
    const tokenOf = guard.tokenOf.bind(guard);
    await app.register(async (api) => {
      await allowOrigins(api, guard);
      refuseForeignWrites(api, guard);
      await api.register(async (v1) => {
        requireIdentity(v1, guard);
        await v1.register(async (posts) => {
          await limitRequests(posts, sends);
          postMessageRoute(posts, services);
        });
        await v1.register(async (rest) => {
          await limitRequests(rest, requests);
          historyProxy(rest, persistence, { prefix: "/v1", tokenOf });
        });
      });
      await api.register(async (session) => {
        await limitRequests(session, requests);
        sessionRoutes(session, guard);
      });
    });
    await app.register(async (docs) => {
      await limitRequests(docs, requests);
      historyProxy(docs, persistence, { prefix: "/docs", methods: ["GET", "HEAD"], tokenOf });
    });
  };
}
