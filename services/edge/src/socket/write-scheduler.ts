/** A target that has collected bytes during this turn of the event loop. */
export interface Flushable {
  flush(): void;
}

/**
 * An edge spends most of its time on writes, and one write costs about the same for one frame as for sixteen. So
 * writing takes at most half of the time: after a flush of 4 ms the next one waits for 4 ms and carries what has come
 * meanwhile. An edge that keeps up stays below {@link MIN_WAIT_MS}: there nothing waits.
 */
const MIN_WAIT_MS = 0.5;
const MAX_WAIT_MS = 10;

/** Flushes rooms and connections at the end of a turn: rooms first, so that a socket gets events and answers in one write. */
export class WriteScheduler {
  #rooms: Flushable[] = [];
  #connections: Flushable[] = [];
  #scheduled = false;
  #nextFlushAt = 0;

  flushRoomLater(room: Flushable): void {
    this.#rooms.push(room);
    this.#schedule();
  }

  flushConnectionLater(connection: Flushable): void {
    this.#connections.push(connection);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const waitMs = this.#nextFlushAt - performance.now();
    if (waitMs < MIN_WAIT_MS) setImmediate(() => this.#flush());
    else setTimeout(() => this.#flush(), waitMs);
  }

  #flush(): void {
    const startedAt = performance.now();
    this.#scheduled = false;
    const rooms = this.#rooms;
    const connections = this.#connections;
    this.#rooms = [];
    this.#connections = [];
    for (const room of rooms) room.flush();
    for (const connection of connections) connection.flush();
    const endedAt = performance.now();
    this.#nextFlushAt = endedAt + Math.min(endedAt - startedAt, MAX_WAIT_MS);
  }
}
