/** Checks of user input: room names, nicknames, nonces and texts. The socket or the route calls them once. */
import { isBlank } from "./blank.ts";
import { ProtocolError } from "./errors.ts";
import { characters, parseRoomName, parseStoredRoomName } from "./room-name.ts";

/** Default length limit of a message, in code points. The setting `TEXT_MAX_CHARACTERS` changes it. */
export const TEXT_MAX_CHARACTERS = 4000;
/** Longest nickname, in code points. */
export const USER_MAX_CHARACTERS = 100;
/** Replaces the name of an erased person. */
export const ERASED_NAME = "[erased]";
/** Longest nonce or `Idempotency-Key`, in code points. */
export const NONCE_MAX_LENGTH = 128;
/** Longest token, in characters. */
export const TOKEN_MAX_LENGTH = 8192;

const FORBIDDEN_IN_USER = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

/** @returns the canonical room name. @throws ProtocolError `bad_room` */
export function requireRoom(name: unknown): string {
  const room = parseRoomName(name);
  if (room === undefined) throw new ProtocolError("bad_room", { field: "room" });
  return room;
}

/**
 * For reading and moderation, which must reach every existing room: also accepts names that only earlier versions
 * accepted.
 * @returns the canonical room name. @throws ProtocolError `bad_room`
 */
export function requireStoredRoom(name: unknown): string {
  const room = parseStoredRoomName(name);
  if (room === undefined) throw new ProtocolError("bad_room", { field: "room" });
  return room;
}

/**
 * `.` and `..` are refused because the page puts the nickname into a URL.
 * @returns the nickname in NFC. @throws ProtocolError `bad_user`
 */
export function requireUser(name: unknown): string {
  if (typeof name === "string" && name.length > 0 && name.length <= USER_MAX_CHARACTERS * 6) {
    const user = name.normalize("NFC");
    if (
      !FORBIDDEN_IN_USER.test(user) &&
      !isBlank(user) &&
      user !== "." &&
      user !== ".." &&
      characters(user) <= USER_MAX_CHARACTERS
    )
      return user;
  }
  throw new ProtocolError("bad_user", { field: "user" });
}

/** Refuses lone surrogates: they have no UTF-8 form, so two nonces could be stored as one. @throws ProtocolError `bad_frame` */
export function requireNonce(nonce: string): string {
  if (nonce.isWellFormed()) return nonce;
  throw new ProtocolError("bad_frame", { field: "nonce", message: "A nonce must not contain lone surrogates." });
}

/**
 * Requires a text with at least one visible character and at most `max` code points. A lone surrogate has no UTF-8 form
 * and becomes U+FFFD.
 * @throws ProtocolError `empty_text`, `text_too_long`
 */
export function requireText(text: string, max: number = TEXT_MAX_CHARACTERS): string {
  if (isBlank(text)) throw new ProtocolError("empty_text", { field: "message" });
  if (text.length > max && (text.length > max * 2 || characters(text) > max)) {
    throw new ProtocolError("text_too_long", {
      field: "message",
      message: `The message is too long. The limit is ${max} characters.`,
    });
  }
  return text.toWellFormed();
}
