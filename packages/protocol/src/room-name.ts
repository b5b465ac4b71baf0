/**
 * Room names and their tokens in NATS subjects.
 *
 * A name has 1 to 100 code points of any script, in NFC, at least one of them visible, without control characters, line
 * separators, lone surrogates and `/`. Name and token map one to one. A name therefore never reaches NATS as a wildcard,
 * a dot, a space or a line break, and each subject identifies its room.
 */
import { isBlank } from "./blank.ts";

/** Longest room name, in code points after NFC. */
const ROOM_NAME_MAX_CHARACTERS = 100;

const PLAIN_TOKEN = /^[A-Za-z0-9_-]{1,64}$/;
const FORBIDDEN = /[\p{Cc}\p{Cs}\u2028\u2029/]/u;
/** The log can be split into this many streams without a change to the subject of any room. */
const PARTITIONS = 64;

/** Number of code points in `text`. The project calls these characters. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/**
 * `.` and `..` are refused because a browser would rewrite the room's URL. A name without a visible character is refused.
 * @returns the canonical form of a room name, or `undefined` for an invalid name
 */
export function parseRoomName(name: unknown): string | undefined {
  const room = parseStoredRoomName(name);
  return room === undefined || isBlank(room) ? undefined : room;
}

/**
 * Like {@link parseRoomName}, but also accepts names without a visible character, such as U+200B, which earlier versions
 * accepted. Projection, reading and moderation must reach every room that the log contains.
 */
export function parseStoredRoomName(name: unknown): string | undefined {
  if (typeof name !== "string" || name.length === 0) return undefined;
  if (PLAIN_TOKEN.test(name)) return name;
  // A code point has at most two units, and NFC at most triples the length. Refuse longer names before normalising them.
  if (name.length > ROOM_NAME_MAX_CHARACTERS * 6) return undefined;
  const canonical = name.normalize("NFC");
  if (FORBIDDEN.test(canonical) || canonical.trim() === "" || canonical === "." || canonical === "..") return undefined;
  return characters(canonical) <= ROOM_NAME_MAX_CHARACTERS ? canonical : undefined;
}

/** The subject token of a canonical room name: the name itself, or `=` and the base64url of its UTF-8. */
export function roomToken(room: string): string {
  return PLAIN_TOKEN.test(room) ? room : `=${base64url(new TextEncoder().encode(room))}`;
}

/**
 * The inverse of {@link roomToken}, for every name that {@link parseStoredRoomName} accepts.
 * @returns `undefined` for a token that {@link roomToken} does not produce
 */
export function roomOfToken(token: string): string | undefined {
  if (PLAIN_TOKEN.test(token)) return token;
  if (!token.startsWith("=")) return undefined;
  try {
    const bytes = Uint8Array.from(atob(token.slice(1).replaceAll("-", "+").replaceAll("_", "/")), (c) =>
      c.charCodeAt(0),
    );
    const room = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return parseStoredRoomName(room) === room && roomToken(room) === token ? room : undefined;
  } catch {
    return undefined;
  }
}

/** The partition of a token: FNV-1a, two digits, 00 to 63. It is part of stored subjects, so it must never change. */
export function roomPartition(token: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < token.length; i++) hash = Math.imul(hash ^ token.charCodeAt(i), 0x01000193);
  return String((hash >>> 0) % PARTITIONS).padStart(2, "0");
}

function base64url(bytes: Uint8Array): string {
  // A hot path: spreading the bytes into one `fromCharCode` call takes 1.5 times as long.
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
