/** A piece of a message's text; `href` where it is a link. */
export interface Segment {
  readonly text: string;
  readonly href?: string;
}

/**
 * http and https only: no other scheme can be made a link by what somebody types. ASCII only, since Korean
 * particles follow a URL without a space ("https://example.com에서"), and browsers copy URLs percent-encoded.
 */
const URL_START = /\bhttps?:\/\/[A-Za-z0-9][!#-;=?-[\]_a-z~]*/gi;
/** Punctuation at the end of a URL belongs to the sentence around it. */
const TRAILING = ".,:;!?'*_~";

/** Cuts a text into plain pieces and links. Joined again, the pieces are the text. */
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
 * Without the sentence's punctuation, and without a closing bracket whose opening one stands before the URL. Each character
 * is looked at once or twice: what somebody types is worked on by the server and by every page of the room.
 */
function trimmed(url: string): string {
  /** How many more of them are closed than opened. */
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
