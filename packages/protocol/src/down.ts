/** Every frame that a server may send on a full connection. A plain connection gets only messages and errors (P1, P2). */

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
/** Frames that are not events of a room. */
export type ControlFrame = Static<typeof ControlFrame>;
/** An event of a room, with its place in the log. */
export type EventFrame = Placed<LogEvent>;
export type DownFrame = ControlFrame | TypingNotice | EventFrame;
