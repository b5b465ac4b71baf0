import type { MadangErrorCode, RoomEvents } from "@madang/client";
import { ERRORS, type ErrorCode } from "@madang/protocol/browser";
import { dictionary, errorText, type Language } from "../shared/dictionary.ts";

/** The language that the server chose for this page. */
const language: Language = document.documentElement.lang === "ko" ? "ko" : "en";
/** The visitor's own variant of it: en-GB tells the time otherwise than en-US. */
const locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;

export const t = dictionary(language);

export function errorWords(code: ErrorCode): string {
  return errorText(language, code);
}

/** Why a send failed: by the server's table, or by what the SDK found out without it. */
export function sendErrorWords(code: MadangErrorCode): string {
  if (code === "room_left") return t.outside;
  if (code === "outbox_full") return errorWords("too_many_pending");
  return isServerError(code) ? errorWords(code) : t.refused;
}

/** Why somebody is not in the room, and until when where that is known: only a moderator's ban has an end (`retryAfter`). */
export function outsideWords({ code, retryAfter }: RoomEvents["error"]): string {
  if (code !== "not_allowed") return sendErrorWords(code);
  if (retryAfter === undefined) return t.notLetIn;
  return t.notLetInUntil.replace("{until}", untilWords(new Date(Date.now() + retryAfter * 1000).toISOString()));
}

function isServerError(code: MadangErrorCode): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

const time = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "full" });
const short = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });

export const timeWords = (at: string): string => time.format(new Date(at));
export const dayWords = (at: string): string => day.format(new Date(at));
export const untilWords = (until: string): string => short.format(new Date(until));
export const momentWords = (at: string): string => moment.format(new Date(at));
