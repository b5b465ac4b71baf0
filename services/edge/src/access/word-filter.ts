import { readSettingsFile } from "@madang/runtime";
import type { MessageFilter } from "./message-filter.ts";

/** Letters and digits of scripts with spaces between words: there only whole words match. */
const LATIN = /[\p{Script=Latin}\p{N}]/u;

/** More combining marks on a letter than any language has (UAX #15, 13.1). Normalizing thousands of them takes 0.1 s. */
const MORE_MARKS = /(\p{M}{30})\p{M}+/gu;

/**
 * A list of words, one a line; "#" begins a comment. In Latin script whole words match, in others any part of a text.
 * Case, width and composition make no difference. It does not stop a person who tries to get around it.
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
