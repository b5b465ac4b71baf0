import type { FastifyInstance } from "fastify";

/** The reasons why a service is not ready, by dependency. Empty when it is ready. */
export type Readiness = () => Record<string, string>;

/** Adds `GET /livez` (200 while the process runs) and `GET /readyz` (200, or 503 with the reasons). Neither is logged. */
export function addHealthRoutes(app: FastifyInstance, readiness: Readiness): void {
  const quiet = { logLevel: "warn" as const, schema: { hide: true } as object };
  app.get("/livez", quiet, async () => ({ status: "ok" }));
  app.get("/readyz", quiet, async (_request, reply) => {
    const missing = readiness();
    const ready = Object.keys(missing).length === 0;
    return reply.code(ready ? 200 : 503).send(ready ? { status: "ready" } : { status: "not ready", missing });
  });
}
