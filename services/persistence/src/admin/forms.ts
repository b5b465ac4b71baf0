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

/** What a browser sends of a form, or in a query. Whatever comes in is text, or not there. */
export type Fields = Readonly<Record<string, unknown>>;

const TOPIC_MAX_CHARACTERS = 500;
const USER_ID_MAX_LENGTH = 256;
const RETENTION_MIN_DAYS = 7;
const RETENTION_MAX_DAYS = 36_500;
const HOURS_MAX = 24 * 366 * 10;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what no name may have
const CONTROL = /[\u0000-\u001f\u007f]/;

export const NO_PAGE = "That link leads to no page: go to the first one.";

/** A body of `application/x-www-form-urlencoded`; of a field that comes twice, the last. */
export function parseForm(body: string): Fields {
  return Object.fromEntries(new URLSearchParams(body));
}

/** A field's text, trimmed; undefined when it is empty or missing. */
export function textOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

/**
 * A name or an id as it is: white space is part of both, and without it another is meant. Undefined when there is nothing
 * but white space, which neither can be.
 */
export function exactlyOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

/** A query in which each field is there once: of one that comes twice the last, as in a form. */
export function lastOfEach(query: Fields): Fields {
  return Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [value].flat().at(-1)]));
}

/**
 * Where a page goes on, as a link of the page before says it; undefined without it. What leads nowhere is refused: the
 * first page in its position would look like an answer.
 * @param read the position that a text names, if it does
 * @throws ProtocolError `bad_position`
 */
export function cursorOf<P>(fields: Fields, name: string, read: (text: string) => P | undefined): P | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  const position = typeof value === "string" ? read(value) : undefined;
  if (position === undefined) throw new ProtocolError("bad_position", { field: name, message: NO_PAGE });
  return position;
}

/** For {@link cursorOf}: where a page goes on after what has an id of this form. */
export function idLike(pattern: RegExp): (text: string) => string | undefined {
  return (text) => (pattern.test(text) ? text : undefined);
}

/** Whether somebody typed that to confirm it: white space around it, and how its letters are put together, may differ. */
export function isConfirmed(fields: Fields, what: string): boolean {
  return textOf(fields, "confirm")?.normalize("NFC") === what.normalize("NFC").trim();
}

/** @throws ProtocolError `bad_room`; without the field: undefined */
export function roomOf(fields: Fields): string | undefined {
  const name = fields["room"];
  return name === undefined || name === "" ? undefined : requireStoredRoom(name);
}

/** @returns who is meant: by an id alone, it stands for the name, too. @throws ProtocolError `bad_user`, `bad_request` */
export function personOf(fields: Fields): Person {
  const userId = exactlyOf(fields, "userId");
  const user = exactlyOf(fields, "user");
  if (userId === undefined) return { user: requireUser(user) };
  if (userId.length > USER_ID_MAX_LENGTH || CONTROL.test(userId)) bad("userId", "That is no id.");
  return { userId, user: user === undefined ? userId : requireUser(user) };
}

/**
 * What a form changes: all but what it has as its page showed it (`was.<field>`). Of that somebody else may have made
 * something else since, and who changes a topic does not mean to open a room again.
 * @throws ProtocolError `bad_request`
 */
export function changesOf(fields: Fields): Partial<RoomSettings> {
  const isAsItWas = (name: string) =>
    fields[`was.${name}`] !== undefined && (textOf(fields, name) ?? "") === (textOf(fields, `was.${name}`) ?? "");
  return Object.fromEntries(Object.entries(settingsOf(fields)).filter(([name]) => !isAsItWas(name)));
}

/** @throws ProtocolError `bad_request` */
export function settingsOf(fields: Fields): RoomSettings {
  const topic = textOf(fields, "topic") ?? "";
  if (topic.length > TOPIC_MAX_CHARACTERS) bad("topic", `A topic has at most ${TOPIC_MAX_CHARACTERS} characters.`);
  const retentionDays = numberOf(fields, "retentionDays", 0, RETENTION_MAX_DAYS);
  if (retentionDays > 0 && retentionDays < RETENTION_MIN_DAYS) {
    bad("retentionDays", `The log keeps everything for ${RETENTION_MIN_DAYS} days: retention cannot be shorter.`);
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
  if (!(value >= min && value <= max)) bad(name, `A whole number from ${min} to ${max} is needed.`);
  return value;
}

function bad(field: string, message: string): never {
  throw new ProtocolError("bad_request", { field, message });
}
