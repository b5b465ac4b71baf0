/** Every frame that a server may send on a full connection. A plain one gets messages and errors only (P1, P2). */

import type { Static } from "typebox";
import { Type } from "typebox";
import type { LogEvent, Placed } from "./events/index.ts";
import { AckFrame } from "./frames/ack.ts";
import { CaughtUpFrame } from "./frames/caught-up.ts";
import { DrainFrame } from "./frames/drain.ts";
import { ErrorFrame } from "./frames/error.ts";
import { JoinedFrame } from "./frames/joined.ts";
import { LeftFrame } from "./frames/left.ts";
import type { TypingNotice } from "./frames/typing.ts";
import { WelcomeFrame } from "./frames/welcome.ts";

export const ControlFrame = Type.Union([
  WelcomeFrame,
  JoinedFrame,
  CaughtUpFrame,
  LeftFrame,
  AckFrame,
  ErrorFrame,
  DrainFrame,
]);
/** Frames about the connection, as against events of a room. */
export type ControlFrame = Static<typeof ControlFrame>;
export type EventFrame = Placed<LogEvent>;
export type DownFrame = ControlFrame | TypingNotice | EventFrame;
