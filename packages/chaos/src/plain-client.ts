import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { View } from "./view.ts";

/** A member by the tutorial's own protocol (P1), which comes back with `?after=` its last message. */
export class PlainClient {
  readonly user: string;
  readonly views: readonly View[];
  readonly #dial: (path: string) => string;
  #ws: WebSocket | undefined;
  #closed = false;
  /** The server said that what was told does not go on. */
  #lost = false;

  /** @param after where the room is now */
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
      // The log was made anew: everything of the new one follows.
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
