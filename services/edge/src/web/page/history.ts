import type { Room } from "@madang/protocol";
import type { HistoryPage } from "@madang/protocol/browser";

const PAGE_SIZE = 50;
const TIMEOUT_MS = 10_000;
const REST_MIN_MS = 1_000;
const REST_MAX_MS = 15_000;

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

  /**
   * The room, made if there is none yet, and its newest messages; however long it takes until history can be reached.
   * `failed` is called after each try in vain.
   */
  async latest(failed: () => void): Promise<{ room: Room; page: HistoryPage }> {
    for (let failures = 0; ; failures++) {
      try {
        const room = await request<Room>(this.#url, "PUT");
        return { room, page: await this.#messages({}) };
      } catch {
        failed();
        await rest(failures);
      }
    }
  }

  #messages(query: Record<string, string>): Promise<HistoryPage> {
    return request(`${this.#url}/messages?${new URLSearchParams({ ...query, limit: String(PAGE_SIZE) })}`, "GET");
  }
}

async function request<T>(url: string, method: "GET" | "PUT"): Promise<T> {
  const response = await fetch(url, { method, signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`history: ${response.status}`);
  return (await response.json()) as T;
}

/** Waits before the next try; with jitter, since whatever hit this page hit every other one in the room. */
export function rest(failures: number): Promise<void> {
  const longest = Math.min(REST_MIN_MS * 2 ** failures, REST_MAX_MS);
  return new Promise((resolve) => setTimeout(resolve, longest * (0.5 + Math.random() / 2)));
}
