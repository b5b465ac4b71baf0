/** Fakes of the clock, the connection and the server. */
import type { DownFrame, ErrorFrame, UpFrame } from "@madang/protocol/browser";
import type { Clock } from "../src/clock.ts";
import { MadangClient, type MadangClientOptions } from "../src/index.ts";
import type { Transport, TransportEvents, TransportFactory } from "../src/transport.ts";

export class FakeClock implements Clock {
  #now = 1_700_000_000_000;
  #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** Milliseconds until the next timer. */
  get next(): number {
    return Math.min(...this.#timers.map(({ at }) => at)) - this.#now;
  }

  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      // The earliest timer; among equals the one that was set first.
      const timer = this.#timers.reduce<{ at: number; run: () => void } | undefined>(
        (first, each) => (first && first.at <= each.at ? first : each),
        undefined,
      );
      if (!timer || timer.at > end) break;
      this.#timers = this.#timers.filter((each) => each !== timer);
      this.#now = Math.max(this.#now, timer.at);
      timer.run();
    }
    this.#now = end;
  }
}

/** One connection, from the server's side. */
export class FakeSocket implements Transport {
  readonly url: string;
  readonly events: TransportEvents;
  readonly sent: UpFrame[] = [];
  closed = false;
  #opened = false;
  onSend: (frame: UpFrame) => void = () => {};

  constructor(url: string, events: TransportEvents) {
    this.url = url;
    this.events = events;
  }

  send(text: string): void {
    const frame = JSON.parse(text) as UpFrame;
    this.sent.push(frame);
    this.onSend(frame);
  }

  close(): void {
    this.closed = true;
  }

  receive(...frames: DownFrame[]): void {
    for (const frame of frames) this.events.message(JSON.stringify(frame));
  }

  open(): this {
    if (!this.#opened) this.events.open();
    this.#opened = true;
    return this;
  }

  /** Opens the connection and sends the welcome. */
  accept(user = "민수", rooms = 128): this {
    this.open();
    this.receive({
      type: "welcome",
      connection: "c",
      user,
      ping: 25,
      limits: { rooms, text: 4000, frame: 65536 },
    });
    return this;
  }

  joined(room: string, seq = 0, recovered = true, epoch = "e1"): this {
    this.receive({ type: "joined", room, epoch, position: `${epoch}.${seq}`, recovered });
    return this;
  }

  caughtUp(room: string, seq: number, epoch = "e1"): this {
    this.receive({ type: "caughtUp", room, position: `${epoch}.${seq}` });
    return this;
  }

  message(
    room: string,
    seq: number,
    extra: { nonce?: string; user?: string; epoch?: string; text?: string } = {},
  ): this {
    const { epoch = "e1", user = "영희", nonce, text = nonce ?? `m${seq}` } = extra;
    const event = { type: "message" as const, room, user, message: text, at: "2026-01-01T00:00:00.000Z" };
    this.receive({ epoch, seq, ...event, ...(nonce === undefined ? {} : { nonce }) });
    return this;
  }

  ack(room: string, nonce: string, seq = 1, duplicate = false): this {
    this.receive({ type: "ack", room, nonce, seq, epoch: "e1", duplicate });
    return this;
  }

  refuse(room: string, nonce: string, retryAfter?: number): this {
    const hint = retryAfter === undefined ? {} : { retryAfter };
    this.receive({
      type: "error",
      user: "system",
      code: "log_unavailable",
      message: "later",
      temporary: true,
      room,
      nonce,
      ...hint,
    });
    return this;
  }

  drop(code = 1006, reason = ""): void {
    this.events.close(code, reason);
  }

  get messages(): string[] {
    return this.sent.flatMap((frame) => (frame.type === "message" ? [frame.message] : []));
  }
}

export const errorFrame = (code: ErrorFrame["code"], temporary: boolean, room?: string): ErrorFrame => ({
  type: "error",
  user: "system",
  code,
  message: "no",
  temporary,
  ...(room === undefined ? {} : { room }),
});

/** A client on fake connections. `random` is 1, so each backoff has its longest value. */
export function setup(options: Partial<MadangClientOptions> = {}) {
  const clock = new FakeClock();
  const sockets: FakeSocket[] = [];
  const transport: TransportFactory = (url, events) => {
    const socket = new FakeSocket(url, events);
    sockets.push(socket);
    return socket;
  };
  const client = new MadangClient({
    url: "ws://test/ws",
    user: "민수",
    transport,
    clock,
    random: () => 1,
    ...options,
  });
  return { client, clock, sockets, last: () => sockets.at(-1)! };
}

/** A client that is in one room. */
export function inRoom(name = "수다방", options: Partial<MadangClientOptions> = {}) {
  const all = setup(options);
  const room = all.client.join(name);
  all.client.connect();
  all.last().accept().joined(name).caughtUp(name, 0);
  return { ...all, room, socket: all.last() };
}

/** An implementation of the `Storage` interface. */
export class FakeStorage {
  readonly map = new Map<string, string>();
  get length(): number {
    return this.map.size;
  }
  /** The order is arbitrary, as in browsers. */
  key(index: number): string | null {
    return [...this.map.keys()].reverse()[index] ?? null;
  }
  getItem(key: string): string | null {
    return this.map.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.map.set(key, value);
  }
  removeItem(key: string): void {
    this.map.delete(key);
  }
}
