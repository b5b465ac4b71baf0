/** Decodes and encodes frames and events. Decoding validates; code behind it trusts the types. */
import { Compile, type Validator } from "typebox/compile";
import { isNestedTooDeep, JSON_MAX_DEPTH } from "./depth.ts";
import { type About, ERRORS, ProtocolError } from "./errors.ts";
import { LogEvent } from "./events/index.ts";
import type { ErrorFrame } from "./frames/error.ts";
import { PlainMessageFrame } from "./frames/plain-message.ts";
import { TypingNotice } from "./frames/typing.ts";
import { NONCE_MAX_LENGTH } from "./text.ts";
import { UP_FRAMES, type UpFrame } from "./up.ts";

/** An error repeats at most this many characters of an invalid room name. */
const ECHO_MAX_LENGTH = 200;

const upValidators = new Map<string, Validator>(
  Object.entries(UP_FRAMES).map(([type, schema]) => [type, Compile(schema) as unknown as Validator]),
);
const plainValidator = Compile(PlainMessageFrame);
const eventValidator = Compile(LogEvent);
const typingValidator = Compile(TypingNotice);

/** Decodes a frame of the full protocol. @throws ProtocolError `bad_json`, `bad_frame` (with the field) */
export function decodeUp(text: string): UpFrame {
  const value = parseObject(text);
  const type = (value as { type?: unknown }).type;
  const validator = typeof type === "string" ? upValidators.get(type) : undefined;
  if (!validator) {
    const message = "Unknown frame type.";
    throw new ProtocolError("bad_frame", { field: "type", about: aboutOf(value), message });
  }
  if (!validator.Check(value)) throw badField(validator, value);
  return value as UpFrame;
}

/** P1: decodes a frame of a plain client. @throws ProtocolError `bad_json`, `bad_frame` (with the field) */
export function decodePlain(text: string): PlainMessageFrame {
  const value = parseObject(text);
  if (!plainValidator.Check(value)) throw badField(plainValidator as unknown as Validator, value);
  return value;
}

/** F3, F5: the room and the nonce of a frame, for its error. The frame may be invalid. */
export function aboutOf(frame: object): About {
  const { room, nonce } = frame as { room?: unknown; nonce?: unknown };
  return {
    ...(typeof room === "string" ? { room: room.slice(0, ECHO_MAX_LENGTH) } : {}),
    ...(typeof nonce === "string" ? { nonce: nonce.slice(0, NONCE_MAX_LENGTH * 2) } : {}),
  };
}

/** Whether a stored JSON value is an event of this version. */
export function isLogEvent(value: unknown): value is LogEvent {
  return eventValidator.Check(value);
}

/** Decodes a typing notice from another edge. @returns `undefined` for anything else */
export function decodeTyping(data: Uint8Array): TypingNotice | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data));
    return typingValidator.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The error frame of a failure. An unexpected error becomes `internal`, so its text stays on the server. */
export function errorFrame(error: unknown, about: About = {}): ErrorFrame {
  const failure: ProtocolError = error instanceof ProtocolError ? error : new ProtocolError("internal");
  return {
    type: "error",
    user: "system",
    code: failure.code,
    message: failure.message,
    temporary: ERRORS[failure.code].temporary,
    ...failure.about,
    ...about,
    ...(failure.field === undefined ? {} : { field: failure.field }),
    ...(failure.retryAfter === undefined ? {} : { retryAfter: failure.retryAfter }),
  };
}

/** The beginning of an event's wire frame: its place in the log. ASCII. */
export function eventHead(epoch: string, seq: number): string {
  return `{"epoch":"${epoch}","seq":${seq},`;
}

/**
 * Writes the wire frame of a stored event at `offset`: `head` replaces the opening brace of the stored bytes. It neither
 * parses nor re-encodes: {@link encodeEvent} writes a JSON object with at least one member.
 * @returns the number of bytes written, which is {@link eventLength}
 */
export function writeEvent(target: Buffer, offset: number, head: string, stored: Uint8Array): number {
  target.write(head, offset, "latin1");
  target.set(stored.subarray(1), offset + head.length);
  return eventLength(head, stored);
}

/** Length of the wire frame of a stored event, in bytes. */
export function eventLength(head: string, stored: Uint8Array): number {
  return head.length + stored.length - 1;
}

/** An event with optional fields that may be `undefined`. They are not stored. */
type Unstored<E> = { [K in keyof E]: undefined extends E[K] ? E[K] | undefined : E[K] };

/** The stored bytes of an event. `type` comes first, so a reader can see it without parsing. */
export function encodeEvent(event: Unstored<LogEvent>): Uint8Array {
  const json = JSON.stringify(event);
  // Takes a third of the time of a TextEncoder, because it allocates from the pool.
  return Buffer.from(json.startsWith(TYPE_START) ? json : typeFirst(event));
}

function typeFirst({ type, ...rest }: Unstored<LogEvent>): string {
  return JSON.stringify({ type, ...rest });
}

const TYPE_START = '{"type":';
const MESSAGE_START = '{"type":"message"';
const ROOM_START = '{"type":"room"';
const DELETE_START = '{"type":"delete"';

/** Whether stored bytes are a message, the only event that plain members get (P1). */
export function isStoredMessage(stored: Uint8Array): boolean {
  return startsWith(stored, MESSAGE_START);
}

/** Whether stored bytes are a delete of the message at {@link storedTarget}. */
export function isStoredDelete(stored: Uint8Array): boolean {
  return startsWith(stored, DELETE_START);
}

/** Whether stored bytes say that the room was deleted: none of its earlier events is left. */
export function isStoredClearing(stored: Uint8Array): boolean {
  // Within a string JSON escapes the quotation marks, so this matches a field only.
  return startsWith(stored, ROOM_START) && /"cleared":true[,}]/.test(new TextDecoder().decode(stored));
}

/** The sequence of the message that a stored edit or delete changes; `undefined` for other events. */
export function storedTarget(stored: Uint8Array): number | undefined {
  // Within a string JSON escapes the quotation marks, so this matches a field only.
  const target = /"target":(\d{1,16})[,}]/.exec(new TextDecoder().decode(stored))?.[1];
  return target === undefined ? undefined : Number(target);
}

function startsWith(stored: Uint8Array, start: string): boolean {
  if (stored.length <= start.length) return false;
  for (let i = 0; i < start.length; i++) if (stored[i] !== start.charCodeAt(i)) return false;
  return true;
}

function parseObject(text: string): object {
  if (isNestedTooDeep(text)) {
    throw new ProtocolError("bad_frame", {
      message: `A frame must not be nested deeper than ${JSON_MAX_DEPTH} levels.`,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProtocolError("bad_json");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ProtocolError("bad_frame");
  return value;
}

function badField(validator: Validator, value: object): ProtocolError {
  const first = validator.Errors(value)[0] as
    | { instancePath?: string; params?: { requiredProperties?: string[] } }
    | undefined;
  const field = first?.params?.requiredProperties?.[0] ?? first?.instancePath?.slice(1).split("/")[0];
  const about = aboutOf(value);
  return field
    ? new ProtocolError("bad_frame", {
        field,
        about,
        message: `The field "${field}" is missing or has the wrong type.`,
      })
    : new ProtocolError("bad_frame", { about });
}
