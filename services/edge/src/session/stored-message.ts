import { hash } from "node:crypto";
import { encodeEvent, requireText } from "@madang/protocol";
import type { EdgeConfig } from "../config.ts";

/** Long enough that two ids never meet within the log's duplicate window. */
const ID_LENGTH = 27;

/** What somebody wants to say; names are checked already. */
export interface Draft {
  readonly room: string;
  readonly user: string;
  /** Where the sender proved who they are. */
  readonly userId?: string | undefined;
  readonly message: string;
  readonly nonce?: string;
  readonly replyTo?: number | undefined;
}

/** The bytes to be stored. @throws ProtocolError `empty_text`, `text_too_long` */
export function storedMessage(draft: Draft, config: Pick<EdgeConfig, "textMaxCharacters">): Uint8Array {
  const { room, user, userId, nonce, replyTo } = draft;
  return encodeEvent({
    type: "message",
    room,
    user,
    userId,
    message: requireText(draft.message, config.textMaxCharacters),
    at: new Date().toISOString(),
    nonce,
    replyTo,
  });
}

/**
 * The publish id of a message with a nonce: the same message gives the same id on every edge.
 * @param user the user's id, or the nickname where nobody has one
 */
export function messageId(room: string, user: string, nonce: string): string {
  // None of the three can hold a line break but the nonce, which comes last.
  return hash("sha256", `${room}\n${user}\n${nonce}`, "base64url").slice(0, ID_LENGTH);
}
