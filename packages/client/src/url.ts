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
  const url = URL.canParse(given, base) ? new URL(given, base) : undefined;
  const scheme = SCHEMES[url?.protocol ?? ""];
  // A WebSocket refuses a fragment (RFC 6455, 3).
  if (!url || scheme === undefined || url.href.includes("#")) throw new MadangError("bad_url");
  url.protocol = scheme;
  return url.href;
}
