import { ERRORS, type ErrorCode, type HistoryPage, ProtocolError, type Room } from "@madang/protocol";

/** A page is waiting for the answer, so a service that hangs must not hold it for long. */
const TIMEOUT_MS = 1000;

/**
 * The persistence service as its clients see it: several instances, any of which may answer.
 *
 * Every method throws ProtocolError: `history_unavailable` when no instance answers in time, or the code of the
 * problem (RFC 9457) that one of them answered with. Reads and `ensureRoom` are idempotent, so trying the next
 * instance after a failure is always safe.
 */
export class HistoryClient {
  readonly #urls: readonly string[];
  readonly #timeoutMs: number;
  readonly #headers: Record<string, string>;
  /** The instance that answered last: one that hangs costs its time-out once, not on every request. */
  #preferred = 0;

  /**
   * @param urls base URLs of the instances, without a path; `timeoutMs` is per instance; with `token` the edge asks
   * for itself, and has to know that whoever it asks for may have the answer
   */
  constructor(urls: readonly string[], options: { timeoutMs?: number; token?: string | undefined } = {}) {
    if (urls.length === 0) throw new TypeError("HistoryClient needs at least one URL");
    this.#urls = urls.map((url) => url.replace(/\/+$/, ""));
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    const { token } = options;
    this.#headers = {
      accept: "application/json",
      // Packing and unpacking would cost both ends more than the bytes do between servers.
      "accept-encoding": "identity",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
  }

  /** Makes the room if there is none of that name, and answers what it is. */
  ensureRoom(room: string): Promise<Room> {
    return this.#request<Room>("PUT", `/v1/rooms/${encodeURIComponent(room)}`);
  }

  /** What the room is; `not_found` when nobody made it. */
  room(room: string): Promise<Room> {
    return this.#request<Room>("GET", `/v1/rooms/${encodeURIComponent(room)}`);
  }

  /** The newest messages of a room. `limit`: 1 to 100. */
  latest(room: string, limit: number): Promise<HistoryPage> {
    return this.#messages(room, { limit: String(limit) });
  }

  /** The messages that follow a position, oldest first. `limit`: 1 to 100. */
  after(room: string, position: string, limit: number): Promise<HistoryPage> {
    return this.#messages(room, { after: position, limit: String(limit) });
  }

  #messages(room: string, query: Record<string, string>): Promise<HistoryPage> {
    return this.#request("GET", `/v1/rooms/${encodeURIComponent(room)}/messages?${new URLSearchParams(query)}`);
  }

  async #request<T>(method: string, path: string): Promise<T> {
    let cause: unknown;
    for (let i = 0; i < this.#urls.length; i++) {
      const index = (this.#preferred + i) % this.#urls.length;
      let response: Response;
      let body: unknown;
      try {
        response = await fetch(this.#urls[index] + path, {
          method,
          headers: this.#headers,
          signal: AbortSignal.timeout(this.#timeoutMs),
        });
        body = await response.json();
      } catch (error) {
        cause = error;
        continue;
      }
      if (response.status >= 500) {
        cause = new Error(`persistence answered ${response.status}`);
        continue;
      }
      this.#preferred = index;
      if (response.ok) return body as T;
      throw refusal(body);
    }
    throw new ProtocolError("history_unavailable", { cause });
  }
}

/** What the service would not do, in our own table's words; a code that we do not know is an error of ours. */
function refusal(body: unknown): ProtocolError {
  const code = (body as { code?: unknown } | null)?.code;
  return new ProtocolError(typeof code === "string" && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "internal");
}
