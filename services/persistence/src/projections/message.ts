import type { MessageEvent } from "@madang/protocol";
import type { Changes } from "../changes.ts";
import type { Place } from "../keys.ts";

/** A message is kept as it was said, and makes its room. */
export function projectMessage(event: MessageEvent, place: Place, changes: Changes): void {
  const { room, user, userId, message, at, nonce, replyTo } = event;
  changes.messages.push({ room, place, user, userId, message, at, nonce, replyTo });
  changes.room(room, at);
}
