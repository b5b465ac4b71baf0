export type { ErrorFrame, EventFrame, HistoryMessage, HistoryPage } from "@madang/protocol/browser";
export { type ClientEvents, type ClientState, MadangClient, type MadangClientOptions } from "./client.ts";
export type { Clock } from "./clock.ts";
export { MadangError, type MadangErrorCode } from "./errors.ts";
export type { OutboxStorage, PendingSend, SendResult } from "./outbox.ts";
export type { Room, RoomEvents, SendOptions } from "./room.ts";
export { type Transport, type TransportEvents, type TransportFactory, webSocketTransport } from "./transport.ts";
