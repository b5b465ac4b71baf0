import type { MessageEvent } from "@madang/protocol";
import type { Changes } from "../../store/changes.ts";
import type { Position } from "../../store/position.ts";

/**
 * Stores a message as it was sent, and creates its room. Lone surrogates become U+FFFD, as MongoDB would store them, so
 * that a repeated message equals the stored one.
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
