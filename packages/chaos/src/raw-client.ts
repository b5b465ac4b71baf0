import { setTimeout as delay } from "node:timers/promises";
import { type DownFrame, SUBPROTOCOL } from "@madang/protocol";
import { WebSocket } from "ws";
import { AnswerTally } from "./tally.ts";
import { View } from "./view.ts";

/** The server sends a ping every 25 s (F6). */
const SILENCE_LIMIT_MS = 40_000;
const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 500;
const ANSWER_LIMIT_MS = 10_000;

interface Pending {
  readonly frame: string;
  readonly resolve: (place: { epoch: string; seq: number }) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A client written from docs/reference/protocol.md alone. It joins from its last position and repeats unanswered sends with
 * the same nonce, one at a time per room. It records every frame, also those that the SDK would filter out.
 */
export class RawClient {
  readonly user: string;
  readonly views: readonly View[];
  readonly tally = new AnswerTally();
  readonly #dial: () => string;
  readonly #queues = new Map<string, Map<string, Pending>>();
  #ws: WebSocket | undefined;
  #closed = false;
  readonly #ready = new Set<string>();
  #heard = 0;
  readonly #flying = new Map<string, NodeJS.Timeout>();

  constructor(user: string, rooms: readonly string[], dial: () => string) {
    this.user = user;
    this.views = rooms.map((room) => new View(user, room));
    this.#dial = dial;
    for (const room of rooms) this.#queues.set(room, new Map());
    this.#connect();
  }

  send(room: string, text: string, nonce: string): Promise<{ epoch: string; seq: number }> {
    return new Promise((resolve, reject) => {
      const frame = JSON.stringify({ type: "message", room, message: text, nonce });
      this.#queues.get(room)!.set(nonce, { frame, resolve, reject });
      this.#pump(room);
    });
  }

  /** Stops reading from the socket, as a phone without a network does, or continues. */
  stopReading(stop: boolean): void {
    if (stop) this.#ws?.pause();
    else this.#ws?.resume();
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#flying.values()) clearTimeout(timer);
    this.#ws?.terminate();
  }

  #connect(): void {
    if (this.#closed) return;
    const ws = new WebSocket(this.#dial(), SUBPROTOCOL, { perMessageDeflate: false, handshakeTimeout: 10_000 });
    this.#ws = ws;
    this.#ready.clear();
    this.tally.newConnection();
    this.#heard = performance.now();
    const watch = setInterval(() => {
      if (!ws.isPaused && performance.now() - this.#heard > SILENCE_LIMIT_MS) ws.terminate();
    }, 1000);
    ws.on("open", () => {
      const join = this.views.map(({ room, position }) => (position ? { room, after: position } : { room }));
      ws.send(JSON.stringify({ type: "hello", user: this.user, join }));
    });
    ws.on("ping", () => {
      this.#heard = performance.now();
    });
    ws.on("message", (data) => {
      this.#heard = performance.now();
      this.#receive(JSON.parse(String(data)) as DownFrame);
    });
    ws.on("error", () => {});
    ws.on("close", async () => {
      clearInterval(watch);
      for (const timer of this.#flying.values()) clearTimeout(timer);
      this.#flying.clear();
      this.#ready.clear();
      await delay(RECONNECT_MIN_MS + Math.random() * (RECONNECT_MAX_MS - RECONNECT_MIN_MS));
      this.#connect();
    });
  }

  #receive(frame: DownFrame): void {
    this.tally.down(frame);
    switch (frame.type) {
      case "joined":
        this.#view(frame.room)?.joined(frame.epoch, frame.position, frame.recovered);
        break;
      case "message": {
        const { epoch, seq, user, nonce = "", message } = frame;
        this.#view(frame.room)?.event({ epoch, seq, user, nonce, message });
        break;
      }
      case "caughtUp":
        this.#ready.add(frame.room);
        this.#pump(frame.room);
        break;
      case "ack":
        this.#settle(frame.room, frame.nonce)?.resolve(frame);
        this.#pump(frame.room);
        break;
      case "error":
        this.#onError(frame.code, frame.temporary, frame.room, frame.nonce);
    }
  }

  #onError(code: string, temporary: boolean, room: string | undefined, nonce: string | undefined): void {
    if (nonce === undefined || room === undefined) return;
    if (!temporary) {
      this.#settle(room, nonce)?.reject(new Error(code));
      this.#pump(room);
    } else {
      // Send it again after a delay.
      clearTimeout(this.#flying.get(room));
      this.#flying.set(
        room,
        setTimeout(() => {
          this.#flying.delete(room);
          this.#pump(room);
        }, 500),
      );
    }
  }

  #settle(room: string, nonce: string): Pending | undefined {
    const queue = this.#queues.get(room);
    const pending = queue?.get(nonce);
    if (!pending) return undefined;
    queue!.delete(nonce);
    clearTimeout(this.#flying.get(room));
    this.#flying.delete(room);
    return pending;
  }

  #pump(room: string): void {
    if (this.#flying.has(room) || !this.#ready.has(room) || this.#ws?.readyState !== WebSocket.OPEN) return;
    const [next] = this.#queues.get(room)!.values();
    if (!next) return;
    this.tally.up(next.frame);
    this.#ws.send(next.frame);
    const ws = this.#ws;
    this.#flying.set(
      room,
      setTimeout(() => ws.terminate(), 3 * ANSWER_LIMIT_MS),
    );
  }

  #view(room: string): View | undefined {
    return this.views.find((view) => view.room === room);
  }
}
