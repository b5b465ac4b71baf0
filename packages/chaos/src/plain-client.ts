import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { View } from "./view.ts";

/** A member over the tutorial's protocol (P1). It reconnects with `?after=` the position of its last message. */
export class PlainClient {
  readonly user: string;
  readonly views: readonly View[];
  readonly #dial: (path: string) => string;
  #ws: WebSocket | undefined;
  #closed = false;
  /** The server answered `position_lost`: the next messages do not continue the earlier ones. */
  #lost = false;

  /** @param after the current position of the room */
  constructor(user: string, room: string, after: { epoch: string; position: string }, dial: (path: string) => string) {
    this.user = user;
    this.views = [new View(user, room)];
    this.#view.joined(after.epoch, after.position, true);
    this.#dial = dial;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#ws?.terminate();
  }

  get #view(): View {
    return this.views[0]!;
  }

  #connect(): void {
    if (this.#closed) return;
    const path = `/ws/chat/${encodeURIComponent(this.#view.room)}/?after=${this.#view.position}`;
    const ws = new WebSocket(this.#dial(path), { perMessageDeflate: false, handshakeTimeout: 10_000 });
    this.#ws = ws;
    ws.on("message", (data) => {
      const { type, epoch, seq, user, nonce = "", message, code } = JSON.parse(String(data));
      // The log was recreated, and all messages of the new one follow.
      if (code === "position_lost") this.#lost = true;
      if (type !== "message") return;
      if (this.#lost && epoch !== this.#view.segments.at(-1)?.epoch)
        this.#view.joined(epoch, `${epoch}.${seq - 1}`, false);
      this.#lost = false;
      this.#view.event({ epoch, seq, user, nonce, message });
    });
    ws.on("error", () => {});
    ws.on("close", async () => {
      await delay(100 + Math.random() * 400);
      this.#connect();
    });
  }
}
