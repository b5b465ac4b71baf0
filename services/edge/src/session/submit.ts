import { type Identity, TokenError } from "@madang/auth";
import type { Lane, Stored } from "@madang/broker";
import { requireRoom, requireText } from "@madang/protocol";
import type { EdgeServices } from "./services.ts";
import { messageId, storedMessage } from "./stored-message.ts";

/** A message on its way into the log. Room name, user name and nonce are validated. */
export interface Submission {
  readonly room: string;
  readonly identity: Identity;
  readonly user: string;
  readonly message: string;
  readonly replyTo?: number | undefined;
  /** Absent in the plain protocol: then `id` is the publish id. */
  readonly nonce?: string;
  readonly id?: string;
  /** The sender's way into the room; its lane is created only for a message that is accepted. */
  readonly via: { readonly lane: Lane };
  /** Takes one from the rate limit of the sender's connection. @throws ProtocolError `rate_limited` */
  readonly takeSend?: () => void;
}

/**
 * The one way into the log, for the full protocol, the plain protocol and HTTP. The checks come in this order: identity,
 * grant, moderators' rules, text, limits, slow mode. A message that a check refuses has taken nothing from a later limit.
 * @throws ProtocolError `bad_room`, `unauthorized`, `not_allowed`, `muted`, `room_closed`, `room_read_only`, `empty_text`,
 *   `text_too_long`, `rate_limited`
 * @returns once the log has stored the message; it rejects as {@link Lane.publish}
 */
export function submit(services: EdgeServices, submission: Submission): Promise<Stored> {
  const { guard, moderation, settings, counts } = services;
  const { room, identity, user, nonce, replyTo } = submission;
  requireWriter(services, identity, room);
  // A client may be a member of a room with a name that only earlier versions allowed, to read what was said there.
  requireRoom(room);
  const { userId } = identity;
  const person = { userId, user };
  const rule = moderation.requireVoice(person, room, identity);
  const message = requireText(submission.message, settings.textMaxCharacters);
  moderation.requireAllowedText(message, room, person);
  submission.takeSend?.();
  guard.takeUserSend(identity);
  moderation.takeSlowModeTurn(rule, person, room);

  const data = storedMessage({ room, user, userId, message, nonce, replyTo });
  const id = submission.id ?? messageId(room, userId ?? user, nonce!);
  const stored = submission.via.lane.publish(id, data);
  stored.then(
    () => counts.stored++,
    () => counts.refused++,
  );
  return stored;
}

/** Requires an identity that has not expired, and the grant to write. @throws ProtocolError `unauthorized`, `not_allowed` */
export function requireWriter({ guard }: EdgeServices, identity: Identity, room: string): void {
  if (identity.expiresAt <= Date.now()) throw new TokenError("The token has expired.", true);
  guard.requireGrant(identity, room, "write");
}
