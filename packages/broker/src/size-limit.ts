import type { NatsConnection } from "@nats-io/transport-node";
import { connectNats, type NatsSettings } from "./connect.ts";

/** So often at most a server is asked: who keeps sending what is too large is not to have us connect each time. */
const FRESH_MS = 5000;

/**
 * How large a message a server takes (`max_payload`). It says so to who connects, and to nobody when that is changed: where
 * it takes less now, it ends the connection over a message; that it takes more again is seen by a new connection alone.
 */
export class SizeLimit {
  readonly #settings: NatsSettings;
  readonly #nc: NatsConnection;
  #learnedAt = Number.NEGATIVE_INFINITY;
  #learning = false;

  constructor(settings: NatsSettings, nc: NatsConnection) {
    this.#settings = settings;
    this.#nc = nc;
  }

  /** Whether what the connection goes by was true a moment ago. If not, it will be in a moment. */
  isFresh(): boolean {
    if (performance.now() - this.#learnedAt < FRESH_MS) return true;
    if (!this.#learning) void this.#learn();
    return false;
  }

  async #learn(): Promise<void> {
    this.#learning = true;
    try {
      const { info } = this.#nc;
      const url = new URL(this.#settings.url.split(",")[0]!.replace(/^(?!.*:\/\/)/, "nats://"));
      url.host = this.#nc.getServer();
      const other = await connectNats(
        { ...this.#settings, url: url.href, name: `${this.#settings.name} (limit)` },
        false,
      );
      const told = other.info?.max_payload;
      await other.close();
      // A connection that was made meanwhile knows better.
      if (info && told !== undefined && this.#nc.info === info) info.max_payload = told;
    } catch {
      // What is known stays.
    } finally {
      this.#learning = false;
      this.#learnedAt = performance.now();
    }
  }
}
