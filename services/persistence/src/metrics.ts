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
    { name: "madang_store_ready", help: "1 while MongoDB accepts writes.", read: () => Number(store.ready) },
    {
      name: "madang_log_connected",
      help: "1 while the log is reachable and usable; otherwise /readyz gives the reason.",
      read: () => Number(consumer.connected && consumer.trouble === undefined),
    },
    {
      name: "madang_floor_seq",
      help: "The floor: the sequence up to which every event of the log is in MongoDB.",
      read: () => floor.known?.seq ?? 0,
    },
    {
      name: "madang_projected_events_total",
      help: "Events that this instance wrote to MongoDB.",
      read: () => counts.events,
    },
    {
      name: "madang_projected_batches_total",
      help: "Batches of events that this instance wrote to MongoDB.",
      read: () => counts.batches,
    },
    {
      name: "madang_dead_letters_total",
      help: "Events that this instance could not project.",
      read: () => counts.deadLetters,
    },
  ];
}
