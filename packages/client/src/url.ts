import { MadangError } from "./errors.ts";

/** What each scheme is to a WebSocket; platforms of before 2024 know only the latter two themselves. */
const SCHEMES: Readonly<Record<string, string>> = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" };

/**
 * The URL that a WebSocket is opened at. In a page it may be relative to that; `http` and `https` mean `ws` and `wss`.
 * What no attempt could ever connect to is refused here, since a client does not give up.
 * @throws MadangError `bad_url`
 */
export function webSocketUrl(given: string): string {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  const url = parsed(given, base);
  const scheme = SCHEMES[url?.protocol ?? ""];
  // A WebSocket refuses a fragment (RFC 6455, 3).
  if (!url || scheme === undefined || url.href.includes("#")) throw new MadangError("bad_url");
  url.protocol = scheme;
  return url.href;
}

/** As `URL.parse`; browsers of before 2024 have none, and of before 2023 no `URL.canParse` either. */
function parsed(given: string, base: string | undefined): URL | undefined {
  try {
    return new URL(given, base);
  } catch {
    return undefined;
  }
}
