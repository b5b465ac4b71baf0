import type { IncomingMessage } from "node:http";

/** The server moves a browser's request to this path when its URL cannot be decoded, since no route matches that URL. */
export const BAD_URL_PATH = "/bad-url";

/** Whether a browser navigates, as against a program that asks for data. */
export function wantsPage({ method, headers }: Pick<IncomingMessage, "method" | "headers">): boolean {
  return (method === "GET" || method === "HEAD") && (headers.accept ?? "").includes("text/html");
}

/** Whether the path is not percent-encoded UTF-8, so that the router cannot read it. */
export function isBadUrl({ url = "" }: IncomingMessage): boolean {
  // Most URLs have nothing to decode.
  if (!url.includes("%")) return false;
  try {
    decodeURIComponent(url.split(/[?#]/, 1)[0]!);
    return false;
  } catch {
    return true;
  }
}
