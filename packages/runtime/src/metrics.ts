import type { FastifyInstance } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** A number that is kept anyway and read only when somebody asks: counting costs the hot path an increment. */
export interface MetricSource {
  /** Prometheus name, with its unit; a counter's ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

/** `GET /metrics` in the Prometheus text format: the process's own figures and these. */
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
