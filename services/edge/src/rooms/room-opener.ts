import { setTimeout as delay } from "node:timers/promises";
import { type Log, UnsafeLogError } from "@madang/broker";
import { createTroubleLog, type Logger, type TroubleLog } from "@madang/runtime";
import { FairQueue } from "../queues/fair-queue.ts";
import type { Room } from "./room.ts";

const AUDIT_INTERVAL_MS = 15_000;
/** What is live on its way gets this long to arrive before an audit calls it missing. */
const AUDIT_GRACE_MS = 1000;
const RETRY_MS = 500;
const REFRESH_POLL_MS = 10;
/** Of a crowd of rooms so many are opened at a time: the messages of those that are open come in between. */
const OPEN_AT_ONCE = 8;
/** Between two portions; an outage of the log makes one as long as it lasts. */
const MAX_REST_MS = 20;

const UNSAFE_LOG = "the settings of the log were changed: acknowledged events are not safe";

/**
 * Opens rooms, and audits the open ones, by asking the log for the heads of many at once: rooms that are opened
 * together cost one question, and a lost tail, which shows no gap, is found within an audit.
 */
export class RoomOpener {
  readonly #log: Log;
  readonly #onTrouble: TroubleLog;
  readonly #onDanger: TroubleLog;
  readonly #rooms: () => Promise<Room[]>;
  readonly #timer: NodeJS.Timeout;
  readonly #line = new FairQueue<object | undefined, Room>();
  #opening = false;
  #auditing = false;
  #auditAgain = false;
  #closed = false;

  /** @param rooms the rooms there are now; those without members for long may be dropped by the call */
  constructor(log: Log, logger: Logger, rooms: () => Promise<Room[]>) {
    this.#log = log;
    this.#onTrouble = createTroubleLog(logger);
    this.#onDanger = createTroubleLog({ warn: logger.error.bind(logger) });
    this.#rooms = rooms;
    this.#timer = setInterval(() => void this.#audit(AUDIT_GRACE_MS), AUDIT_INTERVAL_MS);
  }

  /**
   * Has the room opened when its turn comes, if anybody waits for it by then.
   * @param asker who wants it. Who asks for one does not wait behind all that somebody else asks for, be it among them
   */
  open(room: Room, asker?: object): void {
    this.#line.add(asker, room);
    if (this.#opening) return;
    this.#opening = true;
    setImmediate(() => void this.#openWaiting());
  }

  /** Audits at once: live events may have been missed. */
  auditNow(): void {
    void this.#audit(0);
  }

  /** Resolves when the room's feed has reached the head that the log has now. */
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

  /** As in writing, no more than half of the time goes to it while others wait: who names rooms by the thousand takes their time, not everybody's. */
  async #openWaiting(): Promise<void> {
    while (this.#line.size > 0 && !this.#closed) {
      const startedAt = performance.now();
      await this.#openAll(this.#next());
      const tookMs = performance.now() - startedAt;
      if (this.#line.size > 0) await delay(Math.min(tookMs, MAX_REST_MS));
    }
    this.#opening = false;
  }

  #next(): Room[] {
    const rooms: Room[] = [];
    while (rooms.length < OPEN_AT_ONCE) {
      const room = this.#line.take();
      if (!room) break;
      // Whoever comes to it later asks again.
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
        // A room with nothing left in the log has its past in history: its feed begins where the log does.
        const start = Math.max(0, this.#log.firstSeq - 1);
        for (const room of rooms) room.open(heads.get(room.name) || start);
        return;
      }
      if (this.#closed) return;
      this.#onTrouble("the log cannot be reached: rooms wait to be opened", heads);
      await delay(RETRY_MS);
    }
  }

  async #audit(graceMs: number): Promise<void> {
    // One at a time; a reconnect during an audit makes another one due.
    if (this.#auditing) {
      this.#auditAgain = true;
      return;
    }
    this.#auditing = true;
    try {
      do {
        this.#auditAgain = false;
        await this.#log.checkEpoch();
        const { unsafeSettings, trouble } = this.#log;
        if (trouble !== undefined) this.#onTrouble("the log does not store", new Error(trouble));
        if (unsafeSettings.length > 0) this.#onDanger(UNSAFE_LOG, new UnsafeLogError(unsafeSettings));
        const rooms = (await this.#rooms()).filter((room) => room.feed.opened);
        const epoch = this.#log.epoch;
        const heads = await this.#log.heads(rooms.map((room) => room.name));
        if (graceMs > 0) await delay(graceMs);
        if (epoch === this.#log.epoch) for (const room of rooms) room.feed.audit(heads.get(room.name) ?? 0);
      } while (this.#auditAgain && !this.#closed);
    } catch (error) {
      // The log cannot be reached now; the reconnect brings the next audit. One that only timed out is tried again.
      if (this.#closed) return;
      this.#onTrouble("the log cannot be reached", new Error(this.#log.trouble ?? (error as Error).message));
      setTimeout(() => this.auditNow(), RETRY_MS).unref();
    } finally {
      this.#auditing = false;
    }
  }
}
