/**
 * Anything to be seen: not whitespace, nor what a renderer passes over, such as U+200B, U+2060, the soft hyphen or a Hangul
 * filler (Unicode's Default_Ignorable_Code_Point). Among other characters these have their place: ZWJ joins emoji, ZWNJ
 * parts Persian letters.
 */
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}]/u;

/** Whether nobody could see that there is a text. */
export function isBlank(text: string): boolean {
  return !VISIBLE.test(text);
}
