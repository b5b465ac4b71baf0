import { ERRORS, type ErrorCode, type HistoryPage, ProtocolError, type Room } from "@madang/protocol";
import type { PersistenceClient } from "./persistence-client.ts";

/** A page waits for the answer, so an instance that hangs must not hold it up for long. */
const LIMIT_MS = 1000;

/** Rooms and messages as the edge itself reads them, for pages and replays. */
export interface History {
  /** Creates the room unless it exists. @returns the room */
  ensureRoom(room: string): Promise<Room>;
  /** @throws ProtocolError `not_found` when the room does not exist */
  room(room: string): Promise<Room>;
  /** The newest messages of a room. `limit`: 1 to 100. */
  latest(room: string, limit: number): Promise<HistoryPage>;
  /** The messages that follow a position, oldest first. `limit`: 1 to 100. */
  after(room: string, position: string, limit: number): Promise<HistoryPage>;
}

/**
 * {@link History} from the persistence service.
 *
 * Each method throws ProtocolError: `history_unavailable` when no instance answers in time, or the code of the problem
 * (RFC 9457) in the answer. All of them are idempotent, so each may be tried on every instance.
 */
export class HistoryClient implements History {
  readonly #persistence: PersistenceClient;
  readonly #limitMs: number;
  readonly #headers: Record<string, string>;

  /**
   * @param options `token`: the edge's own bearer token, since the edge has already checked the reader's permissions.
   *   `limitMs`: longest wait for each instance
   */
  constructor(persistence: PersistenceClient, options: { token?: string | undefined; limitMs?: number } = {}) {
    const { token, limitMs = LIMIT_MS } = options;
    this.#persistence = persistence;
    this.#limitMs = limitMs;
    this.#headers = {
      accept: "application/json",
      // Between servers, compression costs more than the bytes that it saves.
      "accept-encoding": "identity",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
  }

  ensureRoom(room: string): Promise<Room> {
    return this.#request("PUT", pathOf(room));
  }

  room(room: string): Promise<Room> {
    return this.#request("GET", pathOf(room));
  }

  latest(room: string, limit: number): Promise<HistoryPage> {
    return this.#messages(room, { limit: String(limit) });
  }

  after(room: string, position: string, limit: number): Promise<HistoryPage> {
    return this.#messages(room, { after: position, limit: String(limit) });
  }

  #messages(room: string, query: Record<string, string>): Promise<HistoryPage> {
    return this.#request("GET", `${pathOf(room)}/messages?${new URLSearchParams(query)}`);
  }

  async #request<T>(method: string, path: string): Promise<T> {
    const { statusCode, body } = await this.#persistence.request({
      method,
      path,
      headers: this.#headers,
      limitMs: this.#limitMs,
      isIdempotent: true,
      retriesServerErrors: true,
    });
    const answer = await body.json().catch((cause: unknown) => {
      throw new ProtocolError("history_unavailable", { cause });
    });
    if (statusCode < 300) return answer as T;
    throw refusal(answer);
  }
}

function pathOf(room: string): string {
  return `/v1/rooms/${encodeURIComponent(room)}`;
}

/** A refusal by the service, as an error of our own table. A code that the table lacks is a fault of ours. */
function refusal(answer: unknown): ProtocolError {
  const code = (answer as { code?: unknown } | null)?.code;
  return new ProtocolError(typeof code === "string" && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "internal");
}
