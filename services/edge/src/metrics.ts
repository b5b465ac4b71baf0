import type { MetricSource } from "@madang/runtime";
import type { Hub } from "./rooms/hub.ts";

/** What the hot paths count; everything else is read from where it is. */
export class EdgeCounts {
  events = 0;
  deliveries = 0;
  lags = 0;
  replays = 0;
  stored = 0;
  refused = 0;
}

export function edgeMetrics(hub: Hub): MetricSource[] {
  const { counts } = hub;
  return [
    { name: "madang_connections", help: "Open WebSockets.", read: () => hub.connections.size },
    { name: "madang_rooms", help: "Rooms open on this edge.", read: () => hub.roomCount },
    {
      name: "madang_log_connected",
      help: "1 while the log can be reached and used; if not, /readyz says why.",
      read: () => Number(hub.log.trouble === undefined),
    },
    { name: "madang_ring_bytes", help: "Recent events held in memory.", read: () => hub.ringBudget.bytes },
    { name: "madang_messages_stored_total", help: "Messages that the log acknowledged.", read: () => counts.stored },
    {
      name: "madang_messages_refused_total",
      help: "Messages that the log did not take, or not answer for.",
      read: () => counts.refused,
    },
    { name: "madang_events_total", help: "Events that came to this edge's rooms.", read: () => counts.events },
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
  ];
}
