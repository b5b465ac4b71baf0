import { requireKind } from "./arguments.ts";

/**
 * A token, or a function that returns one. The client calls the function for each connection and for each refresh. If it
 * throws or rejects, the client emits `error` with the failure as its `cause` and retries with backoff. If it throws a
 * {@link StopError}, the client stops.
 */
export type TokenSource = string | (() => string | Promise<string>);

/**
 * A token function throws this error to stop the client, for example after the user signed out. The client closes the
 * connection and rejects pending sends with `token_stopped`. `connect()` starts it again.
 */
export class StopError extends Error {
  /** @param message reason of the `close` event */
  constructor(message = "The token function stopped the client.") {
    super(message);
    this.name = "StopError";
  }
}

/** Calls a token function. Rejects with whatever it throws, and with a TypeError for anything but a string. */
export async function askToken(source: () => string | Promise<string>): Promise<string> {
  const token = await source();
  requireKind("string", token, "The result of the token function");
  return token;
}

/** The `exp` claim of a JWT in milliseconds since 1970. The signature is not checked. `undefined` for other tokens. */
export function expiryOf(token: string): number | undefined {
  try {
    const payload = token.split(".")[1] ?? "";
    const { exp } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/"))) as { exp?: unknown };
    return typeof exp === "number" ? exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
