import { setImmediate as nextTurn } from "node:timers/promises";
import type { Log } from "@madang/broker";
import type { Position } from "@madang/protocol";
import type { Logger } from "@madang/runtime";
import type { WriteScheduler } from "../socket/write-scheduler.ts";
import type { EdgeCounts } from "./counts.ts";
import { Member, type MemberClient, type MemberHost } from "./member.ts";
import type { Replayer } from "./replayer.ts";
import type { RingBudget } from "./ring.ts";
import { Room, type RoomHost } from "./room.ts";
import { RoomOpener } from "./room-opener.ts";

/** A room without members is kept for this long: a reload of its only page need not open it again. */
const EMPTY_ROOM_LINGER_MS = 30_000;
/** Dropping a room takes about 15 µs: this many are dropped in one turn of the event loop. */
const DROP_AT_ONCE = 50;

export interface HubDeps {
  readonly log: Log;
  readonly logger: Logger;
  readonly replayer: Replayer;
  readonly ringBudget: RingBudget;
  readonly counts: EdgeCounts;
  readonly writes: WriteScheduler;
}

/** The registry of the rooms that are open on this edge. */
export class Hub {
  readonly #host: RoomHost & MemberHost;
  readonly #rooms = new Map<string, Room>();
  readonly #opener: RoomOpener;

  constructor({ log, logger, replayer, ringBudget, counts, writes }: HubDeps) {
    this.#opener = new RoomOpener(log, logger, () => this.#currentRooms());
    const refresh = (room: Room) => this.#opener.refresh(room);
    this.#host = { log, logger, replayer, ringBudget, counts, writes, refresh };
    log.onEpoch((epoch) => {
      logger.warn({ epoch }, "the log was created anew");
      for (const room of this.#rooms.values()) room.feed.restart();
      this.#opener.auditNow();
    });
    log.onReconnect(() => this.#opener.auditNow());
  }

  get size(): number {
    return this.#rooms.size;
  }

  /** Makes the client a member, live or from a position; the room answers the join once it is open. */
  join(client: MemberClient, name: string, after: Position | undefined): Member {
    const room = this.#room(name);
    const member = new Member(this.#host, client, room, after);
    room.add(member);
    if (room.feed.opened) member.begin();
    else this.#opener.open(room, client);
    return member;
  }

  /** Resolves when a client that joins the room becomes a member at once, or after `limitMs`. */
  async opened(name: string, limitMs: number): Promise<void> {
    const room = this.#room(name);
    if (room.feed.opened) return;
    this.#opener.open(room);
    await Promise.race([room.opened, new Promise((resolve) => setTimeout(resolve, limitMs))]);
  }

  /** Drops the events of a room from memory: a room is erased between its closing and its next opening. */
  forget(name: string): void {
    const room = this.#rooms.get(name);
    if (room?.members.size === 0) this.#drop(room);
    else room?.feed.forget();
  }

  close(): void {
    this.#opener.close();
    for (const room of this.#rooms.values()) room.close();
  }

  #room(name: string): Room {
    let room = this.#rooms.get(name);
    if (!room) {
      room = new Room(name, this.#host);
      this.#rooms.set(name, room);
    }
    return room;
  }

  async #currentRooms(): Promise<Room[]> {
    let dropped = 0;
    for (const room of this.#rooms.values()) {
      if (room.members.size > 0 || performance.now() - room.emptySince <= EMPTY_ROOM_LINGER_MS) continue;
      this.#drop(room);
      if (++dropped % DROP_AT_ONCE === 0) await nextTurn();
    }
    return [...this.#rooms.values()];
  }

  #drop(room: Room): void {
    room.close();
    this.#rooms.delete(room.name);
  }
}
