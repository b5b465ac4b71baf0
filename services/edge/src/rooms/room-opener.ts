import { setTimeout as delay } from "node:timers/promises";
import { type Log, UnsafeLogError } from "@madang/broker";
import { createFailureLog, type FailureLog, type Logger } from "@madang/runtime";
import { FairQueue } from "../queues/fair-queue.ts";
import type { Room } from "./room.ts";

const AUDIT_INTERVAL_MS = 15_000;
/** An audit waits this long for live events that are under way before it treats them as missing. */
const AUDIT_GRACE_MS = 1000;
const RETRY_MS = 500;
const REFRESH_POLL_MS = 10;
/** Rooms opened at a time: messages of open rooms are handled in between. */
const OPEN_AT_ONCE = 8;
/** The longest rest between two batches; an outage of the log makes a batch as long as it lasts. */
const MAX_REST_MS = 20;

const UNSAFE_LOG = "the settings of the log were changed: acknowledged events are not safe";

/**
 * Opens rooms and audits open ones. It asks the log for the heads of many rooms at once: rooms that open together cost
 * one request, and an audit finds a lost tail, which shows no gap.
 */
export class RoomOpener {
  readonly #log: Log;
  readonly #onFailure: FailureLog;
  readonly #onSevereFailure: FailureLog;
  readonly #rooms: () => Promise<Room[]>;
  readonly #timer: NodeJS.Timeout;
  readonly #waiting = new FairQueue<object | undefined, Room>();
  #opening = false;
  #auditing = false;
  #auditAgain = false;
  #closed = false;

  /** @param rooms returns the present rooms; it may drop rooms that have long been empty */
  constructor(log: Log, logger: Logger, rooms: () => Promise<Room[]>) {
    this.#log = log;
    this.#onFailure = createFailureLog(logger);
    this.#onSevereFailure = createFailureLog({ warn: logger.error.bind(logger) });
    this.#rooms = rooms;
    this.#timer = setInterval(() => void this.#audit(AUDIT_GRACE_MS), AUDIT_INTERVAL_MS);
  }

  /**
   * Opens the room in its turn, unless it is no longer awaited by then.
   * @param asker the client that joins. Clients take turns: one does not wait behind all rooms of another
   */
  open(room: Room, asker?: object): void {
    this.#waiting.add(asker, room);
    if (this.#opening) return;
    this.#opening = true;
    setImmediate(() => void this.#openWaiting());
  }

  /** Audits at once: live events may have been missed. */
  auditNow(): void {
    void this.#audit(0);
  }

  /** Resolves when the room's feed has reached the log's present head of the room. */
  async refresh(room: Room): Promise<void> {
    const head = (await this.#log.heads([room.name]).catch(() => undefined))?.get(room.name);
    if (head === undefined) return;
    room.feed.audit(head);
    while (!this.#closed && room.members.size > 0 && room.feed.head < head) await delay(REFRESH_POLL_MS);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  /** Opening takes at most half of the time: a client that joins rooms by the thousand slows down itself, not all others. */
  async #openWaiting(): Promise<void> {
    while (this.#waiting.size > 0 && !this.#closed) {
      const startedAt = performance.now();
      await this.#openAll(this.#next());
      const tookMs = performance.now() - startedAt;
      if (this.#waiting.size > 0) await delay(Math.min(tookMs, MAX_REST_MS));
    }
    this.#opening = false;
  }

  #next(): Room[] {
    const rooms: Room[] = [];
    while (rooms.length < OPEN_AT_ONCE) {
      const room = this.#waiting.take();
      if (!room) break;
      // A client that joins a skipped room later asks again.
      if (room.isAwaited && !room.isSubscribed && !rooms.includes(room)) rooms.push(room);
    }
    return rooms;
  }

  async #openAll(rooms: Room[]): Promise<void> {
    if (rooms.length === 0) return;
    for (const room of rooms) room.subscribe();
    await this.#log.subscribed();
    for (;;) {
      const heads = await this.#log.heads(rooms.map((room) => room.name)).catch((error: Error) => error);
      if (!(heads instanceof Error)) {
        // A room without events in the log has its past in history: its feed begins where the log does.
        const start = Math.max(0, this.#log.firstSeq - 1);
        for (const room of rooms) room.open(heads.get(room.name) || start);
        return;
      }
      if (this.#closed) return;
      this.#onFailure("the log cannot be reached: rooms cannot open yet", heads);
      await delay(RETRY_MS);
    }
  }

  async #audit(graceMs: number): Promise<void> {
    // One audit at a time; a reconnect during it makes another one due.
    if (this.#auditing) {
      this.#auditAgain = true;
      return;
    }
    this.#auditing = true;
    try {
      do {
        this.#auditAgain = false;
        await this.#log.checkEpoch();
        const { unsafeSettings: unsafe, trouble } = this.#log;
        if (trouble !== undefined) this.#onFailure("the log does not store", new Error(trouble));
        if (unsafe.length > 0) this.#onSevereFailure(UNSAFE_LOG, new UnsafeLogError(unsafe));
        const rooms = (await this.#rooms()).filter((room) => room.feed.opened);
        const { epoch, lastSeq } = this.#log;
        const heads = await this.#log.heads(rooms.map((room) => room.name));
        if (graceMs > 0) await delay(graceMs);
        if (epoch === this.#log.epoch) for (const room of rooms) room.feed.audit(heads.get(room.name) ?? 0, lastSeq);
      } while (this.#auditAgain && !this.#closed);
    } catch (error) {
      // The reconnect brings the next audit; a time-out alone is retried.
      if (this.#closed) return;
      this.#onFailure("the log cannot be reached", new Error(this.#log.trouble ?? (error as Error).message));
      setTimeout(() => this.auditNow(), RETRY_MS).unref();
    } finally {
      this.#auditing = false;
    }
  }
}
