import { characters, isBlank, parseRoomName, requireUser, USER_MAX_CHARACTERS } from "@madang/protocol/browser";
import { type Dictionary, fill } from "./dictionary.ts";

/** Room names and nicknames share one limit. */
const MAX_CHARACTERS = USER_MAX_CHARACTERS;

/** Why the text is not a room name, in one sentence; `undefined` when it is one. */
export function roomNameProblem(t: Dictionary, text: string): string | undefined {
  return parseRoomName(text) === undefined ? problem(t, t.roomField, text, text.includes("/")) : undefined;
}

/** Why the text is not a nickname, in one sentence; `undefined` when it is one. */
export function nicknameProblem(t: Dictionary, text: string): string | undefined {
  try {
    requireUser(text);
    return undefined;
  } catch {
    return problem(t, t.nicknameField, text, false);
  }
}

function problem(t: Dictionary, field: string, text: string, hasSlash: boolean): string {
  if (isBlank(text)) return fill(t.nameMissing, { field });
  const length = characters(text.normalize("NFC"));
  if (length > MAX_CHARACTERS) return fill(t.nameTooLong, { field, n: MAX_CHARACTERS, m: length });
  if (hasSlash) return fill(t.nameSlash, { field });
  return fill(text === "." || text === ".." ? t.nameDots : t.nameControl, { field });
}
