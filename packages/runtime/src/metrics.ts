import type { FastifyInstance } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** A number that is read on each scrape. The hot path only increments it. */
export interface MetricSource {
  /** The Prometheus name, with its unit. The name of a counter ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

/** Adds `GET /metrics` in the Prometheus text format, with the default metrics of the process. It is not logged. */
export function addMetricsRoute(app: FastifyInstance, sources: readonly MetricSource[]): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const { name, help, read } of sources) {
    if (name.endsWith("_total")) {
      new Counter({
        name,
        help,
        registers: [registry],
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    } else {
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          this.set(read());
        },
      });
    }
  }
  app.get("/metrics", { logLevel: "warn", schema: { hide: true } as object }, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
}
