import type { LogConsumer } from "@madang/broker";
import type { MetricSource } from "@madang/runtime";
import type { ProjectionCounts } from "./projection/projector.ts";
import type { Floor } from "./recovery/floor.ts";
import type { Store } from "./store/store.ts";

export interface MetricDeps {
  readonly store: Pick<Store, "ready">;
  readonly floor: Pick<Floor, "known">;
  readonly consumer: Pick<LogConsumer, "connected" | "trouble">;
  readonly counts: ProjectionCounts;
}

export function persistenceMetrics({ store, floor, consumer, counts }: MetricDeps): MetricSource[] {
  return [
    { name: "madang_store_ready", help: "1 while MongoDB can be written.", read: () => Number(store.ready) },
    {
      name: "madang_log_connected",
      help: "1 while the log can be reached and used; if not, /readyz says why.",
      read: () => Number(consumer.connected && consumer.trouble === undefined),
    },
    {
      name: "madang_floor_seq",
      help: "Everything of the log up to here is in MongoDB.",
      read: () => floor.known?.seq ?? 0,
    },
    {
      name: "madang_projected_events_total",
      help: "Events taken into MongoDB by this instance.",
      read: () => counts.events,
    },
    { name: "madang_projected_batches_total", help: "Batches of them.", read: () => counts.batches },
    { name: "madang_dead_letters_total", help: "Events that could not be projected.", read: () => counts.deadLetters },
  ];
}
