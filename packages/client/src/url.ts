import { MadangError } from "./errors.ts";

/** WebSocket scheme for each accepted scheme. Platforms before 2024 accept only ws and wss. */
const SCHEMES: Readonly<Record<string, string>> = { "http:": "ws:", "https:": "wss:", "ws:": "ws:", "wss:": "wss:" };

/**
 * The URL for the WebSocket. In a page, `given` may be relative. `http` and `https` become `ws` and `wss`. The function
 * refuses a URL that can never connect, because a client does not give up.
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

/** Like `URL.parse`, which browsers before 2024 lack. Browsers before 2023 also lack `URL.canParse`. */
function parsed(given: string, base: string | undefined): URL | undefined {
  try {
    return new URL(given, base);
  } catch {
    return undefined;
  }
}
