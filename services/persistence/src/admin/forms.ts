import {
  type Person,
  ProtocolError,
  REASON_MAX_CHARACTERS,
  type RoomStatus,
  requireStoredRoom,
  requireUser,
  SLOW_MODE_MAX_S,
} from "@madang/protocol";
import type { RoomSettings } from "../moderation/moderator.ts";

/** The fields of a form or query, as a browser sends them. */
export type Fields = Readonly<Record<string, unknown>>;

const TOPIC_MAX_CHARACTERS = 500;
const USER_ID_MAX_LENGTH = 256;
const RETENTION_MIN_DAYS = 7;
const RETENTION_MAX_DAYS = 36_500;
const HOURS_MAX = 24 * 366 * 10;
// biome-ignore lint/suspicious/noControlCharactersInRegex: no id may contain control characters
const CONTROL = /[\u0000-\u001f\u007f]/;

export const NO_PAGE = "This link does not lead to a page. Go to the first page.";

/** Parses `application/x-www-form-urlencoded`. The last of several fields with one name counts. */
export function parseForm(body: string): Fields {
  return Object.fromEntries(new URLSearchParams(body));
}

/** A field's text, trimmed; undefined when it is empty or missing. */
export function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

/** A name or an id, untrimmed, because white space is part of it. Undefined for white space alone, which is neither. */
export function exactlyOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

/** A query with each field once: the last of several fields with one name counts, as in a form. */
export function lastOfEach(query: Fields): Fields {
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [value].flat().at(-1)]));
}

/**
 * The cursor of a page, from a link on the previous page; undefined for the first page. An invalid cursor is refused,
 * because the first page would look like an answer to it.
 * @param read parses a cursor
 * @throws ProtocolError `bad_position`
 */
export function cursorOf<P>(fields: Fields, name: string, read: (text: string) => P | undefined): P | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  const cursor = typeof value === "string" ? read(value) : undefined;
  if (cursor === undefined) throw new ProtocolError("bad_position", { field: name, message: NO_PAGE });
  return cursor;
}

/** For {@link cursorOf}: a cursor that is an id of this form. */
export function idLike(pattern: RegExp): (text: string) => string | undefined {
  return (text) => (pattern.test(text) ? text : undefined);
}

/** Whether the moderator typed the name to confirm an act. Surrounding white space and Unicode composition may differ. */
export function isConfirmed(fields: Fields, name: string): boolean {
  return textOf(fields, "confirm")?.normalize("NFC") === name.normalize("NFC").trim();
}

/** @returns undefined without the field. @throws ProtocolError `bad_room` */
export function roomOf(fields: Fields): string | undefined {
  const name = fields["room"];
  return name === undefined || name === "" ? undefined : requireStoredRoom(name);
}

/** @returns the person; an id without a name also serves as the name. @throws ProtocolError `bad_user`, `bad_request` */
export function personOf(fields: Fields): Person {
  const userId = exactlyOf(fields, "userId");
  const user = exactlyOf(fields, "user");
  if (userId === undefined) return { user: requireUser(user) };
  if (userId.length > USER_ID_MAX_LENGTH || CONTROL.test(userId))
    bad("userId", `An id has at most ${USER_ID_MAX_LENGTH} characters and no control characters.`);
  return { userId, user: user === undefined ? userId : requireUser(user) };
}

/**
 * The settings that a form changes: those that differ from the ones its page showed (`was.<field>`). Another moderator
 * may have changed the rest since, and changing a topic must not open a closed room.
 * @throws ProtocolError `bad_request`
 */
export function changesOf(fields: Fields): Partial<RoomSettings> {
  const isUnchanged = (name: string) =>
    fields[`was.${name}`] !== undefined && (textOf(fields, name) ?? "") === (textOf(fields, `was.${name}`) ?? "");
  return Object.fromEntries(Object.entries(settingsOf(fields)).filter(([name]) => !isUnchanged(name)));
}

/** @throws ProtocolError `bad_request` */
export function settingsOf(fields: Fields): RoomSettings {
  const topic = textOf(fields, "topic") ?? "";
  if (topic.length > TOPIC_MAX_CHARACTERS) bad("topic", `A topic has at most ${TOPIC_MAX_CHARACTERS} characters.`);
  const retentionDays = numberOf(fields, "retentionDays", 0, RETENTION_MAX_DAYS);
  if (retentionDays > 0 && retentionDays < RETENTION_MIN_DAYS) {
    bad(
      "retentionDays",
      `Retention is at least ${RETENTION_MIN_DAYS} days, because the log keeps every message that long.`,
    );
  }
  return {
    topic: topic.toWellFormed(),
    status: numberOf(fields, "status", 0, 2) as RoomStatus,
    slowModeS: numberOf(fields, "slowModeS", 0, SLOW_MODE_MAX_S),
    retentionDays,
  };
}

/** @throws ProtocolError `bad_request` */
export function reasonOf(fields: Fields): { reason: string; until?: string } {
  const reason = textOf(fields, "reason") ?? "";
  if (reason.length > REASON_MAX_CHARACTERS) bad("reason", `A reason has at most ${REASON_MAX_CHARACTERS} characters.`);
  const hours = numberOf(fields, "hours", 0, HOURS_MAX);
  return hours === 0 ? { reason } : { reason, until: new Date(Date.now() + hours * 3600_000).toISOString() };
}

function numberOf(fields: Fields, name: string, min: number, max: number): number {
  const text = textOf(fields, name) ?? "0";
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) bad(name, `Enter a whole number from ${min} to ${max}.`);
  return value;
}

function bad(field: string, message: string): never {
  throw new ProtocolError("bad_request", { field, message });
}
