import { readSettingsFile } from "@madang/runtime";
import type { MessageFilter } from "./moderation.ts";

/** Letters and digits that stand for themselves only; of scripts without spaces between words, any part may match. */
const LATIN = /[\p{Script=Latin}\p{N}]/u;

/** More marks on a letter than any language has (UAX #15, 13.1). To put thousands of them into order takes a tenth of a second. */
const MORE_MARKS = /(\p{M}{30})\p{M}+/gu;

/**
 * A list of words, one a line; "#" begins a comment. In Latin script whole words match, in others any part of a text.
 * Case, width and composition make no difference. It stops those who do not try hard, and nobody else.
 * @throws ConfigError when the file cannot be read
 */
export function wordFilter(file: string): MessageFilter {
  const words = readSettingsFile("BLOCKED_WORDS_FILE", file)
    .split(/\r?\n/)
    .map((line) => plain(line).trim())
    .filter((word) => word !== "" && !word.startsWith("#"));
  if (words.length === 0) return { allows: () => true };
  const pattern = new RegExp(words.map(alternative).join("|"), "u");
  return { allows: (message) => !pattern.test(plain(message)) };
}

function plain(text: string): string {
  return text.replace(MORE_MARKS, "$1").normalize("NFKC").toLowerCase();
}

function alternative(word: string): string {
  const escaped = word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  const bound = (character: string | undefined) => character !== undefined && LATIN.test(character);
  const characters = [...word];
  return `${bound(characters[0]) ? `(?<!${LATIN.source})` : ""}${escaped}${bound(characters.at(-1)) ? `(?!${LATIN.source})` : ""}`;
}
