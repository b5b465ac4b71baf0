import { isIP } from "node:net";
import { Pool } from "undici";

const CONNECT_LIMIT_MS = 1000;
const CONNECTIONS_MAX = 128;
/** The first penalty. Each further failure doubles it, because an instance that hangs costs a full time limit a try. */
const PENALTY_FIRST_MS = 2000;
const PENALTY_MAX_MS = 60_000;

/** One address of the persistence service, with its connections and its record of failures. */
export class Instance {
  readonly pool: Pool;
  /** Host and port, for log lines. */
  readonly name: string;
  #penaltyMs = 0;
  #penaltyEndsAt = 0;

  /** @param address an IP address of the URL's host; without one, each new connection looks the host up */
  constructor(url: URL, address?: string) {
    this.name = address === undefined ? url.host : `${url.host} (${address})`;
    // The pool keeps the host name for the Host header and for TLS; only the lookup is replaced.
    const lookup = address === undefined ? {} : { lookup: fixedLookup(address) };
    this.pool = new Pool(url.origin, {
      connections: CONNECTIONS_MAX,
      connect: { timeout: CONNECT_LIMIT_MS, ...lookup },
    });
  }

  /** Whether a recent failure makes the other instances a better choice. */
  get isPenalized(): boolean {
    return performance.now() < this.#penaltyEndsAt;
  }

  /** Starts a penalty. Requests that were in flight together fail together: they count as one failure. */
  failed(): void {
    if (this.isPenalized) return;
    this.#penaltyMs = Math.min(PENALTY_MAX_MS, 2 * this.#penaltyMs || PENALTY_FIRST_MS);
    this.#penaltyEndsAt = performance.now() + this.#penaltyMs;
  }

  answered(): void {
    this.#penaltyMs = 0;
    this.#penaltyEndsAt = 0;
  }
}

/** A lookup for `net.connect` that knows one address. */
function fixedLookup(address: string) {
  const family = isIP(address);
  return (_host: string, { all }: { all?: boolean }, callback: (...result: unknown[]) => void): void =>
    all ? callback(null, [{ address, family }]) : callback(null, address, family);
}
