/**
 * A visible character: neither whitespace nor a Default_Ignorable_Code_Point of Unicode, such as U+200B, U+2060, the soft
 * hyphen or a Hangul filler. Ignorable characters are valid among visible ones: ZWJ joins emoji, ZWNJ separates Persian
 * letters.
 */
const VISIBLE = /[^\s\p{Default_Ignorable_Code_Point}]/u;

/** Whether a text has no visible character. */
export function isBlank(text: string): boolean {
  return !VISIBLE.test(text);
}
