import type { Room } from "@madang/protocol";
import type { HistoryPage } from "@madang/protocol/browser";

const PAGE_SIZE = 50;
const TIMEOUT_MS = 10_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 15_000;
const UNAUTHORIZED = 401;
const NOT_FOUND = 404;

class Refused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`history: ${status}`);
    this.status = status;
  }
}

export interface RoomState {
  /** Absent for a room that does not exist yet. */
  readonly room: Room | undefined;
  readonly page: HistoryPage;
}

/** A room and its messages over HTTP. */
export class HistoryApi {
  readonly #url: string;
  readonly #mayCreate: boolean;

  /** @param mayCreate whether the person may create the room */
  constructor(room: string, mayCreate: boolean) {
    this.#url = `/v1/rooms/${encodeURIComponent(room)}`;
    this.#mayCreate = mayCreate;
  }

  /** The last messages before a position. Rejects while history is unavailable. */
  before(position: string): Promise<HistoryPage> {
    return this.#messages({ before: position });
  }

  /** The first messages after a position. Rejects while history is unavailable. */
  after(position: string): Promise<HistoryPage> {
    return this.#messages({ after: position });
  }

  /**
   * The room and its newest messages. Creates the room if it does not exist and the person may create it; otherwise a
   * room that does not exist is empty. Retries until history is available.
   * @param failed is called after each failure
   * @param signedIn resolves once the server admits the person; without a valid session nothing is requested
   */
  async latest(failed: () => void, signedIn: () => Promise<void>): Promise<RoomState> {
    for (let failures = 0; ; failures++) {
      try {
        return { room: await this.#room(), page: await this.#messages({}) };
      } catch (error) {
        failed();
        await (error instanceof Refused && error.status === UNAUTHORIZED ? signedIn() : backoff(failures));
      }
    }
  }

  async #room(): Promise<Room | undefined> {
    const found = await request(this.#url, "GET");
    if (found.status !== NOT_FOUND) return json(found);
    return this.#mayCreate ? json(await request(this.#url, "PUT")) : undefined;
  }

  async #messages(query: Record<string, string>): Promise<HistoryPage> {
    const parameters = new URLSearchParams({ ...query, limit: String(PAGE_SIZE) });
    return json(await request(`${this.#url}/messages?${parameters}`, "GET"));
  }
}

function request(url: string, method: "GET" | "PUT"): Promise<Response> {
  return fetch(url, { method, signal: AbortSignal.timeout(TIMEOUT_MS) });
}

async function json<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Refused(response.status);
  return (await response.json()) as T;
}

/** Waits before the next attempt. Jitter spreads the pages of a room, which all fail at the same time. */
export function backoff(failures: number): Promise<void> {
  const longest = Math.min(RETRY_MIN_MS * 2 ** failures, RETRY_MAX_MS);
  return new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
}
