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
const TRAILING = /[.,:;!?'*_~]+$/;

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

/** Without the sentence's punctuation, and without a closing bracket whose opening one stands before the URL. */
function trimmed(url: string): string {
  let link = url.replace(TRAILING, "");
  for (const [open, close] of [
    ["(", ")"],
    ["[", "]"],
  ] as const) {
    while (link.endsWith(close) && link.split(open).length < link.split(close).length) {
      link = link.slice(0, -1).replace(TRAILING, "");
    }
  }
  return link;
}
