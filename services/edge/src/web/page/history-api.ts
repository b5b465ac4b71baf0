import type { Room } from "@madang/protocol";
import type { HistoryPage } from "@madang/protocol/browser";

const PAGE_SIZE = 50;
const TIMEOUT_MS = 10_000;
const REST_MIN_MS = 1_000;
const REST_MAX_MS = 15_000;
const UNAUTHORIZED = 401;

class Refused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`history: ${status}`);
    this.status = status;
  }
}

/** A room's history over HTTP. */
export class History {
  readonly #url: string;

  constructor(room: string) {
    this.#url = `/v1/rooms/${encodeURIComponent(room)}`;
  }

  /** What was said last before a position. Rejects when history cannot be reached now. */
  before(position: string): Promise<HistoryPage> {
    return this.#messages({ before: position });
  }

  /** What was said first after a position. Rejects when history cannot be reached now. */
  after(position: string): Promise<HistoryPage> {
    return this.#messages({ after: position });
  }

  /**
   * The room, made if there is none yet, and its newest messages; however long it takes until history can be reached.
   * `failed` is called after each try in vain. Who is not signed in waits for `signedIn` and does not ask meanwhile.
   */
  async latest(failed: () => void, signedIn: () => Promise<void>): Promise<{ room: Room; page: HistoryPage }> {
    for (let failures = 0; ; failures++) {
      try {
        return { room: await this.#room(), page: await this.#messages({}) };
      } catch (error) {
        failed();
        await (error instanceof Refused && error.status === UNAUTHORIZED ? signedIn() : rest(failures));
      }
    }
  }

  async #room(): Promise<Room> {
    const found = await ask(this.#url, "GET");
    return json(found.status === 404 ? await ask(this.#url, "PUT") : found);
  }

  async #messages(query: Record<string, string>): Promise<HistoryPage> {
    const parameters = new URLSearchParams({ ...query, limit: String(PAGE_SIZE) });
    return json(await ask(`${this.#url}/messages?${parameters}`, "GET"));
  }
}

function ask(url: string, method: "GET" | "PUT"): Promise<Response> {
  return fetch(url, { method, signal: AbortSignal.timeout(TIMEOUT_MS) });
}

async function json<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Refused(response.status);
  return (await response.json()) as T;
}

/** Waits before the next try; with jitter, since whatever hit this page hit every other one in the room. */
export function rest(failures: number): Promise<void> {
  const longest = Math.min(REST_MIN_MS * 2 ** failures, REST_MAX_MS);
  return new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
}
