import type { FastifyPluginAsync } from "fastify";
import type { PersistenceClient } from "../history/persistence-client.ts";
import type { Hub } from "../rooms/hub.ts";
import { allowOrigins, limitRequests, refuseForeignWrites, requireIdentity } from "./guards.ts";
import { historyProxy } from "./history-proxy.ts";
import { sessionRoutes } from "./login-session.ts";
import { methodsOfMessages, postMessageRoute } from "./post-message.ts";

/** Everything except pages and sockets: `/v1` for identified callers, `/session`, and `/docs` for everyone. */
export function apiRoutes(hub: Hub, persistence: PersistenceClient): FastifyPluginAsync {
  return async (app) => {
    const { guard, config } = hub;
    const tokenOf = guard.tokenOf.bind(guard);
    await app.register(async (api) => {
      await allowOrigins(api, guard);
      refuseForeignWrites(api, guard);
      await api.register(async (v1) => {
        requireIdentity(v1, guard);
        await v1.register(async (posts) => {
          await limitRequests(posts, config.limits.sends);
          postMessageRoute(posts, hub);
        });
        await v1.register(async (rest) => {
          await limitRequests(rest, config.limits.requests);
          historyProxy(rest, persistence, { prefix: "/v1", tokenOf, ownMethods: methodsOfMessages });
        });
      });
      await api.register(async (session) => {
        await limitRequests(session, config.limits.requests);
        sessionRoutes(session, guard);
      });
    });
    await app.register(async (docs) => {
      await limitRequests(docs, config.limits.requests);
      historyProxy(docs, persistence, { prefix: "/docs", methods: ["GET", "HEAD"], tokenOf });
    });
  };
}
