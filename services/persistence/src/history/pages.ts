import {
  formatPosition,
  type HistoryMessage,
  type HistoryPage,
  type HistoryQuery,
  ProtocolError,
  parsePosition,
} from "@madang/protocol";
import type { Floor } from "../recovery/floor.ts";
import { comparePositions, type Position } from "../store/position.ts";
import type { Store } from "../store/store.ts";

interface Found {
  readonly messages: HistoryMessage[];
  readonly foundOldest: boolean;
  readonly foundNewest: boolean;
  /** The position to join from, for an empty page that is not at the newest end. */
  readonly start?: Position;
  /** The position to join from, for a client that is ahead of the floor. */
  readonly ahead?: Position;
}

/**
 * Reads one page of a room's history. The page ends at the floor, because the store may have gaps beyond it; a client
 * gets those events by joining.
 *
 * `position` says where to join without missing an event: the floor for a page at the newest end, else the position of
 * the page's last message. An instance that has just started may know a lower floor than a client has seen. A client
 * that asks for messages after such a position gets the same position back: from a lower one it would get events twice.
 *
 * An unknown room has an empty page, because a client may join a room, or post to it, before its first event is stored.
 * @throws ProtocolError `bad_request`, `bad_position`, `history_unavailable`
 */
export async function readPage(
  store: Pick<Store, "messages">,
  floor: Pick<Floor, "now" | "isBehind">,
  room: string,
  query: HistoryQuery,
): Promise<HistoryPage> {
  const cursor = cursorOf(query);
  // The floor comes first: every event up to it is then in the store.
  const end = await floor.now(cursor?.position);
  const { isBehind } = floor;
  const reader = new PageReader(store, room, end, query.limit ?? 50);
  const found = await reader.read(cursor);
  const last = found.messages.at(-1);
  const joinFrom = found.ahead ?? (found.foundNewest ? end : (last ?? found.start ?? end));
  return {
    room,
    epoch: end.epoch,
    messages: found.messages,
    foundOldest: found.foundOldest,
    foundNewest: found.foundNewest,
    position: formatPosition(joinFrom.epoch, joinFrom.seq),
    ...(isBehind ? { behind: true } : {}),
  };
}

type Cursor = { readonly kind: "before" | "after" | "around"; readonly position: Position } | undefined;

const CURSORS = ["before", "after", "around"] as const;

function cursorOf(query: HistoryQuery): Cursor {
  const [kind, second] = CURSORS.filter((name) => query[name] !== undefined);
  if (!kind) return undefined;
  if (second) {
    throw new ProtocolError("bad_request", { field: second, message: `Give either "${kind}" or "${second}".` });
  }
  const position = parsePosition(query[kind]!);
  if (!position) throw new ProtocolError("bad_position", { field: kind });
  return { kind, position };
}

class PageReader {
  readonly #store: Pick<Store, "messages">;
  readonly #room: string;
  readonly #floor: Position;
  readonly #limit: number;

  constructor(store: Pick<Store, "messages">, room: string, floor: Position, limit: number) {
    this.#store = store;
    this.#room = room;
    this.#floor = floor;
    this.#limit = limit;
  }

  read(cursor: Cursor): Promise<Found> {
    if (!cursor) return this.#latest();
    // Pages show no event beyond the floor.
    const isBeyond = comparePositions(cursor.position, this.#floor) > 0;
    switch (cursor.kind) {
      case "before":
        return isBeyond ? this.#latest() : this.#before(cursor.position);
      case "after":
        return this.#after(cursor.position, isBeyond);
      case "around":
        return isBeyond ? this.#latest() : this.#around(cursor.position);
    }
  }

  async #latest(): Promise<Found> {
    const messages = await this.#older({ upTo: this.#floor }, this.#limit + 1);
    const foundOldest = messages.length <= this.#limit;
    return { messages: messages.slice(0, this.#limit).reverse(), foundOldest, foundNewest: true };
  }

  /** Also reads the cursor's own message. If it exists, the page is not at the newest end, without a second query. */
  async #before(position: Position): Promise<Found> {
    const messages = await this.#older({ upTo: position }, this.#limit + 2);
    const isThere = messages[0] !== undefined && comparePositions(messages[0], position) === 0;
    if (isThere) messages.shift();
    const foundNewest = !isThere && (await this.#newer({ after: position }, 1)).length === 0;
    const foundOldest = messages.length <= this.#limit;
    const start = { epoch: position.epoch, seq: Math.max(0, position.seq - 1) };
    return { messages: messages.slice(0, this.#limit).reverse(), foundOldest, foundNewest, start };
  }

  async #after(position: Position, isBeyond: boolean): Promise<Found> {
    const messages = isBeyond ? [] : await this.#newer({ from: position }, this.#limit + 2);
    const isThere = messages[0] !== undefined && comparePositions(messages[0], position) === 0;
    if (isThere) messages.shift();
    const foundOldest = !isThere && (await this.#older({ upTo: isBeyond ? this.#floor : position }, 1)).length === 0;
    const page = { messages: messages.slice(0, this.#limit), foundOldest, foundNewest: messages.length <= this.#limit };
    return isBeyond && position.epoch === this.#floor.epoch ? { ...page, ahead: position } : page;
  }

  /** Half of the page is before the cursor (or at it), half after it. A short side leaves its share to the other. */
  async #around(position: Position): Promise<Found> {
    const [older, newer] = await Promise.all([
      this.#older({ upTo: position }, this.#limit + 1),
      this.#newer({ after: position }, this.#limit + 1),
    ]);
    const takeNewer = Math.min(newer.length, Math.max(Math.floor(this.#limit / 2), this.#limit - older.length));
    const takeOlder = Math.min(older.length, this.#limit - takeNewer);
    return {
      messages: [...older.slice(0, takeOlder).reverse(), ...newer.slice(0, takeNewer)],
      foundOldest: takeOlder === older.length,
      foundNewest: takeNewer === newer.length,
    };
  }

  #older(range: { upTo: Position }, limit: number): Promise<HistoryMessage[]> {
    return this.#store.messages(this.#room, range, "newest first", limit);
  }

  #newer(range: { after: Position } | { from: Position }, limit: number): Promise<HistoryMessage[]> {
    return this.#store.messages(this.#room, { ...range, upTo: this.#floor }, "oldest first", limit);
  }
}
