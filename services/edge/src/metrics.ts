import type { MetricSource } from "@madang/runtime";
import type { RingBudget } from "./rooms/ring.ts";
import type { EdgeServices } from "./session/services.ts";
import type { Sessions } from "./session/sessions.ts";

interface Sources {
  readonly services: EdgeServices;
  readonly sessions: Sessions;
  readonly ringBudget: RingBudget;
}

/** The figures of `GET /metrics`, read only when a scrape asks for them. */
export function edgeMetrics({ services, sessions, ringBudget }: Sources): MetricSource[] {
  const { counts, guard, hub, log } = services;
  return [
    { name: "madang_connections", help: "Open WebSockets.", read: () => sessions.size },
    { name: "madang_rooms", help: "Rooms open on this edge.", read: () => hub.size },
    {
      name: "madang_log_connected",
      help: "1 while the log can be reached and used; otherwise /readyz gives the reason.",
      read: () => Number(log.trouble === undefined),
    },
    { name: "madang_ring_bytes", help: "Recent events held in memory.", read: () => ringBudget.bytes },
    { name: "madang_messages_stored_total", help: "Messages that the log acknowledged.", read: () => counts.stored },
    {
      name: "madang_messages_refused_total",
      help: "Messages that the log refused or did not answer.",
      read: () => counts.refused,
    },
    { name: "madang_events_total", help: "Events that this edge's rooms received.", read: () => counts.events },
    {
      name: "madang_deliveries_total",
      help: "Events times the live members they were written to.",
      read: () => counts.deliveries,
    },
    { name: "madang_lags_total", help: "Times that a slow socket fell behind (F8).", read: () => counts.lags },
    {
      name: "madang_replays_total",
      help: "Reads of the log or history for members that were behind.",
      read: () => counts.replays,
    },
    {
      name: "madang_origins_refused_total",
      help: "Requests from pages of origins that ALLOWED_ORIGINS does not list.",
      read: () => guard.refusedOrigins.count,
    },
  ];
}
