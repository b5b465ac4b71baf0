/** Every frame that a client of the full protocol may send. */

import type { Static } from "typebox";
import { Type } from "typebox";
import { HelloFrame } from "./frames/hello.ts";
import { JoinFrame } from "./frames/join.ts";
import { LeaveFrame } from "./frames/leave.ts";
import { MessageFrame } from "./frames/message.ts";
import { RefreshFrame } from "./frames/refresh.ts";
import { TypingFrame } from "./frames/typing.ts";

export const UP_FRAMES = {
  hello: HelloFrame,
  join: JoinFrame,
  leave: LeaveFrame,
  message: MessageFrame,
  refresh: RefreshFrame,
  typing: TypingFrame,
} as const;

export const UpFrame = Type.Union([HelloFrame, JoinFrame, LeaveFrame, MessageFrame, RefreshFrame, TypingFrame]);
export type UpFrame = Static<typeof UpFrame>;
