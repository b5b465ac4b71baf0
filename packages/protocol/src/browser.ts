/** The part of the contract that the SDK needs. It has no schema compiler, so it runs under a strict Content-Security-Policy. */
export * from "./blank.ts";
export * from "./close-codes.ts";
export * from "./content.ts";
export type * from "./down.ts";
export * from "./errors.ts";
export type {
  DeleteEvent,
  EditEvent,
  LogEvent,
  MemberEvent,
  MessageEvent,
  Place,
  Placed,
  RoomEvent,
} from "./events/index.ts";
export * from "./frame-limit.ts";
export type { AckFrame } from "./frames/ack.ts";
export type { CaughtUpFrame } from "./frames/caught-up.ts";
export type { DrainFrame } from "./frames/drain.ts";
export type { ErrorFrame } from "./frames/error.ts";
export type { JoinedFrame } from "./frames/joined.ts";
export type { TypingNotice } from "./frames/typing.ts";
export type { WelcomeFrame } from "./frames/welcome.ts";
export type { HistoryMessage, HistoryPage } from "./http.ts";
export * from "./position.ts";
export * from "./room-name.ts";
export { SUBPROTOCOL } from "./subprotocol.ts";
export * from "./text.ts";
export * from "./typing.ts";
export type { UpFrame } from "./up.ts";
