export type { ErrorFrame, EventFrame, HistoryMessage, HistoryPage } from "@madang/protocol/browser";
export { type ClientEvents, type ClientState, MadangClient } from "./client.ts";
export type { Clock } from "./clock.ts";
export { MadangError, type MadangErrorCode } from "./errors.ts";
export type { MadangClientOptions } from "./options.ts";
export type { OutboxStorage, PendingSend, SendResult } from "./outbox.ts";
export type { Room, RoomEvents, RoomState, SendOptions } from "./room.ts";
export { StopError, type TokenSource } from "./token.ts";
export { type Transport, type TransportEvents, type TransportFactory, webSocketTransport } from "./transport.ts";
