import { setImmediate as nextTurn } from "node:timers/promises";
import { type Gossip, type Log, NO_GOSSIP, NO_RULES, type Rules } from "@madang/broker";
import { type Position, ProtocolError } from "@madang/protocol";
import { createTroubleLog, type Logger } from "@madang/runtime";
import { Guard } from "../access/guard.ts";
import { type MessageFilter, Moderation, NO_FILTER, type Present } from "../access/moderation.ts";
import { Usage } from "../access/shared-usage.ts";
import { Intake } from "../arrival/fair-reading.ts";
import type { EdgeConfig } from "../config.ts";
import { EdgeCounts } from "../metrics.ts";
import type { Connection } from "../socket/connection.ts";
import { Heartbeat } from "../socket/heartbeat.ts";
import { Member } from "./member.ts";
import type { Replayer } from "./replayer.ts";
import { RingBudget } from "./ring.ts";
import { Room, type RoomHost } from "./room.ts";
import { RoomOpener } from "./room-opener.ts";

/** A room without members is kept for this long: a reload of its only page need not open it again. */
const EMPTY_ROOM_LINGER_MS = 30_000;
/** Of a crowd of them so many are dropped in one turn of the event loop: to drop one takes some 15 µs. */
const DROP_AT_ONCE = 50;
const DRAIN_ANSWER_LIMIT_MS = 5000;
/** Clients that are sent away come back spread over this time. */
const RECONNECT_SPREAD_MS = 2000;

/**
 * Writing is nearly all that an edge spends its time on, and one write costs much the same for one frame as for
 * sixteen. So no more than half of the time goes to it: after a flush that took 4 ms the next one waits for 4 ms, and
 * carries what has come meanwhile. Below half a millisecond, which is where an edge is that keeps up, nothing waits.
 */
const MIN_FLUSH_WAIT_MS = 0.5;
const MAX_FLUSH_WAIT_MS = 10;

/** The rooms and connections of this edge. */
export class Hub implements RoomHost, Present {
  readonly log: Log;
  readonly replayer: Replayer;
  readonly config: EdgeConfig;
  readonly logger: Logger;
  readonly guard: Guard;
  readonly moderation: Moderation;
  readonly ringBudget: RingBudget;
  readonly intake = new Intake();
  readonly counts = new EdgeCounts();
  readonly connections = new Set<Connection>();
  readonly #rooms = new Map<string, Room>();
  readonly #opener: RoomOpener;
  readonly #heartbeat = new Heartbeat();
  #dirtyRooms: Room[] = [];
  #dirtyConnections: Connection[] = [];
  #flushScheduled = false;
  #nextFlushAt = 0;
  #draining: Promise<void> | undefined;

  constructor(
    log: Log,
    replayer: Replayer,
    config: EdgeConfig,
    logger: Logger,
    {
      rules = NO_RULES,
      filter = NO_FILTER,
      gossip = NO_GOSSIP,
    }: { rules?: Rules; filter?: MessageFilter; gossip?: Gossip } = {},
  ) {
    this.log = log;
    this.replayer = replayer;
    this.config = config;
    this.logger = logger;
    const usage = new Usage(gossip);
    this.guard = new Guard(config, rules, usage, createTroubleLog(logger));
    this.moderation = new Moderation(rules, filter, this, usage);
    this.ringBudget = new RingBudget(config.ringMaxBytes);
    this.#opener = new RoomOpener(log, logger, () => this.#currentRooms());
    // After the moderation's own: by then who has to go is out.
    rules.onChange((rule) => {
      if (rule.kind === "room") this.#forget(rule.room);
    });
    log.onEpoch((epoch) => {
      logger.warn({ epoch }, "the log was made anew");
      for (const room of this.#rooms.values()) room.feed.restart();
      this.#opener.auditNow();
    });
    log.onReconnect(() => this.#opener.auditNow());
  }

  get draining(): boolean {
    return this.#draining !== undefined;
  }

  get roomCount(): number {
    return this.#rooms.size;
  }

  membersOf(room: string): Iterable<Member> {
    return this.#rooms.get(room)?.members ?? [];
  }

  connected(connection: Connection): void {
    this.connections.add(connection);
    this.guard.came(connection.address);
    this.#heartbeat.add(connection);
  }

  greeted(connection: Connection): void {
    this.#heartbeat.greeted(connection);
  }

  disconnected(connection: Connection): void {
    this.connections.delete(connection);
    this.guard.left(connection);
    this.#heartbeat.remove(connection);
  }

  /** Makes the connection a member; its answer comes when the room is open. */
  join(connection: Connection, name: string, after: Position | undefined): void {
    const room = this.#room(name);
    connection.members.get(name)?.leave();
    const member = new Member(this, connection, room, after);
    connection.members.set(name, member);
    room.add(member);
    if (room.feed.opened) member.begin();
    else this.#opener.open(room, connection);
  }

  /** Resolves when whoever joins the room is a member at once; after `limitMs` even if it is not open. */
  async opened(name: string, limitMs: number): Promise<void> {
    const room = this.#room(name);
    if (room.feed.opened) return;
    this.#opener.open(room);
    await Promise.race([room.opened, after(limitMs)]);
  }

  /** Has the room's feed catch up with what the log holds now. */
  refresh(room: Room): Promise<void> {
    return this.#opener.refresh(room);
  }

  flushLater(room: Room): void {
    this.#dirtyRooms.push(room);
    this.#scheduleFlush();
  }

  writeLater(connection: Connection): void {
    this.#dirtyConnections.push(connection);
    this.#scheduleFlush();
  }

  /** @throws ProtocolError `draining` */
  refuseWhenDraining(): void {
    if (this.draining) throw new ProtocolError("draining", { retryAfter: 1 });
  }

  /**
   * Sends every client away with 1012, evenly over `drainMs`, each after its own messages are answered. Idempotent.
   * New sockets are refused from the call on.
   */
  drain(drainMs: number): Promise<void> {
    this.#draining ??= (async () => {
      const leaving = [...this.connections].map((connection, index, all) =>
        after((index / all.length) * drainMs).then(() =>
          connection.drain(DRAIN_ANSWER_LIMIT_MS, Math.floor(Math.random() * RECONNECT_SPREAD_MS)),
        ),
      );
      await Promise.all(leaving);
      this.#heartbeat.close();
      this.guard.close();
      this.#opener.close();
      for (const room of this.#rooms.values()) room.close();
    })();
    return this.#draining;
  }

  #room(name: string): Room {
    let room = this.#rooms.get(name);
    if (!room) {
      room = new Room(name, this);
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

  /** A room that is erased is closed before and opened after: what it held must not be told from memory. */
  #forget(name: string): void {
    const room = this.#rooms.get(name);
    if (room?.members.size === 0) this.#drop(room);
    else room?.feed.forget();
  }

  #drop(room: Room): void {
    room.close();
    this.#rooms.delete(room.name);
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    const wait = this.#nextFlushAt - performance.now();
    if (wait < MIN_FLUSH_WAIT_MS) setImmediate(() => this.#flush());
    else setTimeout(() => this.#flush(), wait);
  }

  #flush(): void {
    const startedAt = performance.now();
    this.#flushScheduled = false;
    const rooms = this.#dirtyRooms;
    const connections = this.#dirtyConnections;
    this.#dirtyRooms = [];
    this.#dirtyConnections = [];
    for (const room of rooms) room.flush();
    for (const connection of connections) connection.flush();
    const endedAt = performance.now();
    this.#nextFlushAt = endedAt + Math.min(endedAt - startedAt, MAX_FLUSH_WAIT_MS);
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
