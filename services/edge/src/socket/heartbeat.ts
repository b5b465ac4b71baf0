import type { CloseReason } from "@madang/protocol";

/** F6. */
export const PING_INTERVAL_S = 25;
const PONG_LIMIT_S = 8;
/** The check comes a little after the ping's own tick. */
const SILENCE_LIMIT_MS = PONG_LIMIT_S * 1000 - 500;
const HELLO_LIMIT_MS = 10_000;
const STUCK_LIMIT_MS = 60_000;
const TICK_MS = 1000;
/** A tick this late means that the process itself stalled: then silence says nothing about the clients. */
const STALL_MS = 3000;

/** A connection as the heartbeat checks it. */
export interface MonitoredConnection {
  /** Anything was received since the last {@link ping}. */
  readonly alive: boolean;
  ping(now: number): void;
  isSilent(now: number, limitMs: number): boolean;
  stuckFor(now: number): number;
  close(reason: CloseReason): void;
}

/**
 * Pings, hello deadlines and stuck sockets of all connections on one timer: a wheel with a slot for each second of
 * the ping interval, so that the pings are spread evenly.
 */
export class Heartbeat {
  readonly #slots: Set<MonitoredConnection>[] = Array.from({ length: PING_INTERVAL_S }, () => new Set());
  readonly #slotOf = new Map<MonitoredConnection, number>();
  /** Connections without hello, with the time of their start, oldest first. */
  readonly #ungreeted = new Map<MonitoredConnection, number>();
  /** Connections that did not answer in time: most have a backlog to read first. */
  readonly #silent = new Set<MonitoredConnection>();
  readonly #timer: NodeJS.Timeout;
  #tick = 0;
  #nextSlot = 0;
  #lastTickAt = performance.now();

  constructor() {
    this.#timer = setInterval(() => this.#onTick(), TICK_MS);
  }

  /** @param awaitsHello the connection is closed unless {@link greeted} follows in time */
  add(connection: MonitoredConnection, awaitsHello: boolean): void {
    const slot = this.#nextSlot++ % PING_INTERVAL_S;
    this.#slots[slot]!.add(connection);
    this.#slotOf.set(connection, slot);
    if (awaitsHello) this.#ungreeted.set(connection, performance.now());
  }

  greeted(connection: MonitoredConnection): void {
    this.#ungreeted.delete(connection);
  }

  remove(connection: MonitoredConnection): void {
    this.#slots[this.#slotOf.get(connection) ?? 0]!.delete(connection);
    this.#slotOf.delete(connection);
    this.#ungreeted.delete(connection);
    this.#silent.delete(connection);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #onTick(): void {
    const now = performance.now();
    const stalled = now - this.#lastTickAt > STALL_MS;
    this.#lastTickAt = now;
    this.#tick++;
    for (const [connection, since] of this.#ungreeted) {
      if (now - since < HELLO_LIMIT_MS) break;
      this.#ungreeted.delete(connection);
      connection.close("noHello");
    }
    for (const connection of this.#slots[this.#tick % PING_INTERVAL_S]!) {
      if (connection.stuckFor(now) > STUCK_LIMIT_MS) connection.close("noProgress");
      else connection.ping(now);
    }
    if (stalled) return;
    const checked = (this.#tick - PONG_LIMIT_S + PING_INTERVAL_S) % PING_INTERVAL_S;
    for (const connection of this.#slots[checked]!) if (!connection.alive) this.#silent.add(connection);
    for (const connection of this.#silent) {
      const isSilent = connection.isSilent(now, SILENCE_LIMIT_MS);
      if (isSilent) connection.close("noPong");
      if (isSilent || connection.alive) this.#silent.delete(connection);
    }
  }
}
