/** What people type, checked once where it enters. */
import { isBlank } from "./blank.ts";
import { ProtocolError } from "./errors.ts";
import { characters, parseRoomName, parseStoredRoomName } from "./room-name.ts";

/** Default longest text of a message, in code points (`TEXT_MAX_CHARACTERS` changes it). */
export const TEXT_MAX_CHARACTERS = 4000;
export const USER_MAX_CHARACTERS = 100;
/** Longest nonce or Idempotency-Key, in code points. */
export const NONCE_MAX_LENGTH = 128;
/** Longest token, in characters. */
export const TOKEN_MAX_LENGTH = 8192;

const FORBIDDEN_IN_USER = /[\p{Cc}\p{Cs}\u2028\u2029]/u;

/** @throws ProtocolError `bad_room` */
export function requireRoom(name: unknown): string {
  const room = parseRoomName(name);
  if (room === undefined) throw new ProtocolError("bad_room", { field: "room" });
  return room;
}

/** For moderators, who have to reach what there is: also a name that only earlier versions let in. @throws ProtocolError `bad_room` */
export function requireStoredRoom(name: unknown): string {
  const room = parseStoredRoomName(name);
  if (room === undefined) throw new ProtocolError("bad_room", { field: "room" });
  return room;
}

/** @returns the nickname in NFC; `.` and `..` are refused like room names are, for the page's URL. @throws ProtocolError `bad_user` */
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

/** A lone surrogate has no UTF-8 form: two nonces would be stored as one. @throws ProtocolError `bad_frame` */
export function requireNonce(nonce: string): string {
  if (nonce.isWellFormed()) return nonce;
  throw new ProtocolError("bad_frame", { field: "nonce", message: "A nonce has no lone surrogates." });
}

/**
 * The text of a message: something to be seen, at most `max` code points. A lone surrogate has no UTF-8 form and becomes U+FFFD.
 * @throws ProtocolError `empty_text`, `text_too_long`
 */
export function requireText(text: string, max: number = TEXT_MAX_CHARACTERS): string {
  if (isBlank(text)) throw new ProtocolError("empty_text", { field: "message" });
  if (text.length > max && (text.length > max * 2 || characters(text) > max)) {
    throw new ProtocolError("text_too_long", {
      field: "message",
      message: `A message has at most ${max} characters.`,
    });
  }
  return text.toWellFormed();
}
