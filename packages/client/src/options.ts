import { allowBound, allowKind, requireKind } from "./arguments.ts";
import type { Clock } from "./clock.ts";
import type { OutboxStorage } from "./outbox.ts";
import type { TokenSource } from "./token.ts";
import type { TransportFactory } from "./transport.ts";

export interface MadangClientOptions {
  /**
   * URL of the full protocol, such as `wss://chat.example/ws`. The scheme is ws, wss, http (read as ws) or https (read as
   * wss). A fragment is invalid. In a page the URL may be relative.
   */
  readonly url: string;
  /** Nickname, 1 to 100 characters. The server ignores it if a token names the user. Default: `anonymous`. */
  readonly user?: string;
  /** Token, at most 8,192 characters, or a function that returns one. It travels in the first frame, never in the URL. */
  readonly token?: TokenSource;
  /** Keeps pending sends beyond the life of this client, for each user and URL: `localStorage` or an equivalent. */
  readonly storage?: OutboxStorage;
  /** Bounds of the outbox. Defaults: 1,000 sends and 1,048,576 bytes. */
  readonly outbox?: { readonly maxSends?: number; readonly maxBytes?: number };
  /** Default: {@link webSocketTransport}. */
  readonly transport?: TransportFactory;
  /** Source of jitter, 0 to 1. Default: `Math.random`. */
  readonly random?: () => number;
  /** Source of time. Default: the system's. */
  readonly clock?: Clock;
}

/** @throws TypeError for options of a wrong type, and if there is neither a global WebSocket nor a `transport` */
export function requireOptions(options: MadangClientOptions): void {
  requireKind("object", options, "MadangClient: options");
  requireKind("string", options.url, "MadangClient: url");
  allowKind("string", options.user, "MadangClient: user");
  if (typeof options.token !== "function") allowKind("string", options.token, "MadangClient: token");
  // A platform without a storage has `localStorage === null`.
  allowKind("object", options.storage ?? undefined, "MadangClient: storage");
  allowKind("object", options.outbox, "MadangClient: outbox");
  allowBound(options.outbox?.maxSends, "MadangClient: outbox.maxSends");
  allowBound(options.outbox?.maxBytes, "MadangClient: outbox.maxBytes");
  allowKind("function", options.transport, "MadangClient: transport");
  allowKind("function", options.random, "MadangClient: random");
  allowKind("object", options.clock, "MadangClient: clock");
  if (!options.transport && typeof WebSocket === "undefined") {
    throw new TypeError("MadangClient: this platform has no WebSocket. Use Node 22 or later, or give a transport.");
  }
}
