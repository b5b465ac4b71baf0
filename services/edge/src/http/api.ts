import { createTroubleLog } from "@madang/runtime";
import type { FastifyPluginAsync } from "fastify";
import type { Hub } from "../rooms/hub.ts";
import { allowOrigins, limitRequests, refuseForeignWrites, requireIdentity } from "./guards.ts";
import { historyProxy } from "./history-proxy.ts";
import { sessionRoutes } from "./login-session.ts";
import { postMessageRoute } from "./post-message.ts";

/** What is no page and no socket: `/v1` for those who have proved who they are, `/session`, and `/docs` for all. */
export function apiRoutes(hub: Hub): FastifyPluginAsync {
  return async (app) => {
    const { guard, config } = hub;
    const onTrouble = createTroubleLog(hub.logger);
    const proxy = historyProxy(config.persistenceUrls, (request) => guard.tokenOf(request), onTrouble);
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
          await proxy(rest, "/v1");
        });
      });
      await api.register(async (session) => {
        await limitRequests(session, config.limits.requests);
        sessionRoutes(session, guard);
      });
    });
    await app.register(async (docs) => {
      await limitRequests(docs, config.limits.requests);
      await proxy(docs, "/docs", ["GET", "HEAD"]);
    });
  };
}
