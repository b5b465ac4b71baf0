import { setTimeout as delay } from "node:timers/promises";
import { ProtocolError } from "@madang/protocol";
import type { Guard } from "../access/guard.ts";
import type { ModeratedSessions } from "../access/moderation.ts";
import { Heartbeat } from "../socket/heartbeat.ts";
import type { Session } from "./session.ts";

/** How long a draining session waits for the answers of the log. */
const DRAIN_ANSWER_LIMIT_MS = 5000;
/** Drained clients reconnect spread over this time. */
const RECONNECT_SPREAD_MS = 2000;

/** The registry of the sessions on this edge. */
export class Sessions implements ModeratedSessions {
  readonly #all = new Set<Session>();
  readonly #guard: Guard;
  readonly #heartbeat = new Heartbeat();
  #draining: Promise<void> | undefined;

  constructor(guard: Guard) {
    this.#guard = guard;
  }

  get size(): number {
    return this.#all.size;
  }

  get all(): Iterable<Session> {
    return this.#all;
  }

  get isDraining(): boolean {
    return this.#draining !== undefined;
  }

  *inRoom(room: string): Iterable<Session> {
    for (const session of this.#all) if (session.members.has(room)) yield session;
  }

  add(session: Session): void {
    this.#all.add(session);
    this.#guard.connected(session.address);
    this.#heartbeat.add(session.connection, !session.isPlain);
  }

  /** The client has said hello. */
  greeted(session: Session): void {
    this.#heartbeat.greeted(session.connection);
  }

  remove(session: Session): void {
    this.#all.delete(session);
    this.#guard.disconnected(session);
    this.#heartbeat.remove(session.connection);
  }

  /** @throws ProtocolError `draining` */
  refuseWhenDraining(): void {
    if (this.isDraining) throw new ProtocolError("draining", { retryAfter: 1 });
  }

  /**
   * Closes every session with 1012, evenly over `drainMs`, each after its own messages are answered. Idempotent. From the
   * call on the edge refuses new sockets.
   */
  drain(drainMs: number): Promise<void> {
    this.#draining ??= (async () => {
      const all = [...this.#all];
      await Promise.all(
        all.map(async (session, index) => {
          await delay((index / all.length) * drainMs);
          await session.drain(DRAIN_ANSWER_LIMIT_MS, Math.floor(Math.random() * RECONNECT_SPREAD_MS));
        }),
      );
      this.#heartbeat.close();
    })();
    return this.#draining;
  }
}
