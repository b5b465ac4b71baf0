/** A part of a message; links have an `href`. */
export interface Segment {
  readonly text: string;
  readonly href?: string;
}

/**
 * Only http and https become links. Only ASCII belongs to a URL, because Korean particles follow it without a space
 * ("https://example.com에서") and browsers copy URLs percent-encoded.
 */
const URL_START = /\bhttps?:\/\/[A-Za-z0-9][!#-;=?-[\]_a-z~]*/gi;
/** Punctuation at the end of a URL belongs to the sentence around it. */
const TRAILING = ".,:;!?'*_~";

/** Cuts a text into plain parts and links. The parts joined again are the text. */
export function segments(text: string): Segment[] {
  const result: Segment[] = [];
  let end = 0;
  for (const match of text.matchAll(URL_START)) {
    const href = trimmed(match[0]);
    if (!URL.canParse(href)) continue;
    if (match.index > end) result.push({ text: text.slice(end, match.index) });
    result.push({ text: href, href });
    end = match.index + href.length;
  }
  if (end < text.length) result.push({ text: text.slice(end) });
  return result;
}

/**
 * Removes the punctuation of the sentence, and closing brackets that were opened before the URL. Takes linear
 * time, because any person can make the server and all pages of a room process a text.
 */
function trimmed(url: string): string {
  /** For each bracket, how many more are closed than opened. */
  const tooMany: Record<string, number> = { ")": 0, "]": 0 };
  for (const character of url) {
    if (character === ")" || character === "]") tooMany[character]!++;
    else if (character === "(") tooMany[")"]!--;
    else if (character === "[") tooMany["]"]!--;
  }
  let end = url.length;
  for (; end > 0; end--) {
    const last = url[end - 1]!;
    if (TRAILING.includes(last)) continue;
    if (!(last in tooMany) || tooMany[last]! <= 0) break;
    tooMany[last]!--;
  }
  return url.slice(0, end);
}
