import type { MessageEvent } from "@madang/protocol";
import type { Changes } from "../../store/changes.ts";
import type { Position } from "../../store/position.ts";

/**
 * A message is kept as it was said, and makes its room. Lone surrogates become U+FFFD here, as they would in the store:
 * what comes again is compared with what is there.
 */
export function projectMessage(event: MessageEvent, position: Position, changes: Changes): void {
  const { room, user, userId, message, at, nonce, replyTo } = event;
  changes.messages.push({
    room,
    position,
    user: user.toWellFormed(),
    userId: userId?.toWellFormed(),
    message: message.toWellFormed(),
    at,
    nonce: nonce?.toWellFormed(),
    replyTo,
  });
  changes.room(room, at, position);
}
