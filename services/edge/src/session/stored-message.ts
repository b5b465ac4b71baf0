import { hash } from "node:crypto";
import { encodeEvent } from "@madang/protocol";

/** Long enough that two ids never collide within the log's duplicate window. */
const ID_LENGTH = 27;

/** A message whose fields are validated. */
export interface ValidMessage {
  readonly room: string;
  readonly user: string;
  readonly userId: string | undefined;
  readonly message: string;
  readonly nonce: string | undefined;
  readonly replyTo: number | undefined;
}

/** The bytes to store, with the present time. */
export function storedMessage({ room, user, userId, message, nonce, replyTo }: ValidMessage): Uint8Array {
  return encodeEvent({ type: "message", room, user, userId, message, at: new Date().toISOString(), nonce, replyTo });
}

/**
 * The publish id of a message with a nonce: the same message gives the same id on every edge.
 * @param user the user's id, or the nickname of a client without one
 */
export function messageId(room: string, user: string, nonce: string): string {
  // Only the nonce, which comes last, can contain a line break.
  return hash("sha256", `${room}\n${user}\n${nonce}`, "base64url").slice(0, ID_LENGTH);
}
