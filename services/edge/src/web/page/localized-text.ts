import type { MadangErrorCode, RoomEvents } from "@madang/client";
import { ERRORS, type ErrorCode } from "@madang/protocol/browser";
import { dictionary, errorText, fill, type Language } from "../shared/dictionary.ts";

/** The language that the server chose for this page. */
const language: Language = document.documentElement.lang === "ko" ? "ko" : "en";
/** The reader's own variant of it: en-GB writes times differently from en-US. */
const locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;

export const t = dictionary(language);

export function errorMessage(code: ErrorCode): string {
  return errorText(language, code);
}

/** An error of the server's table, or one that the SDK found by itself. */
export function clientErrorMessage(code: MadangErrorCode): string {
  if (code === "room_left") return t.notInRoom;
  if (code === "send_expired") return t.sendExpired;
  if (code === "outbox_full") return errorMessage("too_many_pending");
  return isServerError(code) ? errorMessage(code) : t.disconnected;
}

/** Why the person is not in the room. Only a moderator's ban has an end, which the server sends as `retryAfter`. */
export function notAdmittedMessage({ code, retryAfter }: RoomEvents["error"]): string {
  if (code !== "not_allowed") return clientErrorMessage(code);
  if (retryAfter === undefined) return t.notAdmitted;
  const until = formatDateTime(new Date(Date.now() + retryAfter * 1000).toISOString());
  return fill(t.bannedFromRoomUntil, { until });
}

function isServerError(code: MadangErrorCode): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

const time = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "full" });
const short = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });

/** These take ISO 8601. */
export const formatTime = (at: string): string => time.format(new Date(at));
export const formatDay = (at: string): string => day.format(new Date(at));
export const formatDateTime = (at: string): string => short.format(new Date(at));
export const formatExactTime = (at: string): string => exact.format(new Date(at));
