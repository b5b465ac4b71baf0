/**
 * Room names and the one token each becomes in a NATS subject.
 *
 * A name is 1 to 100 code points of any script, in NFC, with something to be seen, without control characters,
 * line separators, lone surrogates or `/`. The token is a bijection of the name, so a name can never reach NATS as a
 * wildcard, a dot, a space or a line break, and a subject always leads back to its room.
 */
import { isBlank } from "./blank.ts";

/** Longest room name, in code points after NFC. */
const ROOM_NAME_MAX_CHARACTERS = 100;

const PLAIN_TOKEN = /^[A-Za-z0-9_-]{1,64}$/;
const FORBIDDEN = /[\p{Cc}\p{Cs}\u2028\u2029/]/u;
/** How many streams the log can one day be split into without a room changing its subject. */
const PARTITIONS = 64;

/** Code points in `text`; what this project calls characters. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/**
 * The canonical form of a room name, or `undefined` when it is not one.
 * `.` and `..` are refused too: a browser would rewrite the room's URL. So is a name that nobody could see.
 */
export function parseRoomName(name: unknown): string | undefined {
  const room = parseStoredRoomName(name);
  return room === undefined || isBlank(room) ? undefined : room;
}

/**
 * As {@link parseRoomName}, and also names of what only shows nothing, such as U+200B: those were let in once. A room that
 * is in the log is projected and moderated under its name, whatever a new one may be called.
 */
export function parseStoredRoomName(name: unknown): string | undefined {
  if (typeof name !== "string" || name.length === 0) return undefined;
  if (PLAIN_TOKEN.test(name)) return name;
  // A code point is at most two units, and NFC at most triples the length: refuse giants before normalising them.
  if (name.length > ROOM_NAME_MAX_CHARACTERS * 6) return undefined;
  const canonical = name.normalize("NFC");
  if (FORBIDDEN.test(canonical) || canonical.trim() === "" || canonical === "." || canonical === "..") return undefined;
  return characters(canonical) <= ROOM_NAME_MAX_CHARACTERS ? canonical : undefined;
}

/** The subject token of a canonical room name: the name itself, or `=` and the base64url of its UTF-8. */
export function roomToken(room: string): string {
  return PLAIN_TOKEN.test(room) ? room : `=${base64url(new TextEncoder().encode(room))}`;
}

/** The room of a token, be it one of before ({@link parseStoredRoomName}), or `undefined` when the token is not one that {@link roomToken} makes. */
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

/** Two digits, 00 to 63: FNV-1a of the token. Fixed for good, since it is part of where a room is stored. */
export function roomPartition(token: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < token.length; i++) hash = Math.imul(hash ^ token.charCodeAt(i), 0x01000193);
  return String((hash >>> 0) % PARTITIONS).padStart(2, "0");
}

function base64url(bytes: Uint8Array): string {
  // Rooms are spelled often, and spread into one call this takes half as long again.
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
