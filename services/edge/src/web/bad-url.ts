import type { IncomingMessage } from "node:http";

/** Where a browser is led whose URL cannot be decoded: such a URL itself gets to no route, and so to no page. */
export const BAD_URL_PATH = "/bad-url";

/** A browser that goes somewhere, not a program that asks for data. */
export function wantsPage({ method, headers }: Pick<IncomingMessage, "method" | "headers">): boolean {
  return (method === "GET" || method === "HEAD") && (headers.accept ?? "").includes("text/html");
}

/** Whether the router could not read a request's path: it is no UTF-8, percent-encoded. */
export function isBadUrl({ url = "" }: IncomingMessage): boolean {
  // Most have nothing to decode.
  if (!url.includes("%")) return false;
  try {
    decodeURIComponent(url.split(/[?#]/, 1)[0]!);
    return false;
  } catch {
    return true;
  }
}
