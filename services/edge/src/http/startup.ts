import { ProtocolError } from "@madang/protocol";
import type { Readiness } from "@madang/runtime";
import type { FastifyInstance } from "fastify";

/** Answered from the start: they say how the edge is, and need neither the log nor the rules. */
const ALWAYS_SERVED = new Set<string | undefined>(["/livez", "/readyz", "/metrics"]);
const RETRY_AFTER_S = "1";

/**
 * Until the log and the moderators' rules are there for the first time, refuses every request and handshake with
 * `log_unavailable` (503 and `Retry-After`), except probes and metrics. An edge that does not know the rules cannot tell a
 * banned user from any other. To be called before the routes of other plugins are registered.
 * @param waitsFor empty once the edge can serve
 */
export function refuseUntilReady(app: FastifyInstance, waitsFor: Readiness): void {
  let isReady = false;
  app.addHook("onRequest", async ({ routeOptions }, reply) => {
    if (isReady || ALWAYS_SERVED.has(routeOptions.url)) return;
    isReady = Object.keys(waitsFor()).length === 0;
    if (isReady) return;
    // Here, because the pages have an error handler of their own.
    reply.header("retry-after", RETRY_AFTER_S);
    throw new ProtocolError("log_unavailable", { message: "This edge waits for the log." });
  });
}
