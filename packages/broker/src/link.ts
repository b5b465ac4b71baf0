import { errors, type NatsConnection } from "@nats-io/transport-node";
import { connectNats, type NatsSettings, probeDialFailures } from "./connect.ts";
import { reasonOfDial } from "./reason.ts";

/** One connection to NATS that is dialled in the background, again after each loss, until it is closed. */
export class Link {
  /** Resolves with the first connection, or with `undefined` when the link is closed before. Rejects on settings that the library refuses. */
  readonly opened: Promise<NatsConnection | undefined>;
  readonly #settings: NatsSettings;
  readonly #onReason: ((reason: string) => void) | undefined;
  readonly #closing = new AbortController();
  readonly #disconnectListeners: (() => void)[] = [];
  readonly #reconnectListeners: (() => void)[] = [];
  #nc: NatsConnection | undefined;
  #connected = false;
  #reason: string | undefined;
  #stopProbing: () => void = () => {};

  /** @param onReason told why, every 5 s while NATS cannot be reached. Without it the link does not look for the reason */
  constructor(settings: NatsSettings, onReason?: (reason: string) => void) {
    this.#settings = settings;
    this.#onReason = onReason;
    this.#probe();
    this.opened = this.#dial();
    // Also for an owner that does not wait for it.
    this.opened.catch(() => {});
  }

  /** The connection, once there was one. The library keeps it through reconnects. */
  get nc(): NatsConnection | undefined {
    return this.#nc;
  }

  /** Whether a message that is sent now reaches the server. While the library dials it drops messages, and has no server info. */
  get connected(): boolean {
    return this.#connected && this.#nc?.info !== undefined;
  }

  /** Why NATS cannot be reached, for operators; `undefined` while connected. */
  get trouble(): string | undefined {
    return this.connected ? undefined : (this.#reason ?? "not connected");
  }

  /** Called at each loss of the connection. */
  onDisconnect(listener: () => void): void {
    this.#disconnectListeners.push(listener);
  }

  /** Called when the connection is back after a loss; not for the first connection. */
  onReconnect(listener: () => void): void {
    this.#reconnectListeners.push(listener);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    this.#stopProbing();
    this.#connected = false;
    await this.#nc?.close();
  }

  async #dial(): Promise<NatsConnection | undefined> {
    const { signal } = this.#closing;
    try {
      const nc = await connectNats(this.#settings, { signal });
      if (signal.aborted) {
        await nc.close();
        return undefined;
      }
      this.#nc = nc;
      this.#onConnected();
      void this.#follow(nc);
      return nc;
    } catch (error) {
      this.#stopProbing();
      if (signal.aborted) return undefined;
      this.#reason = reasonOfDial(error as Error);
      throw error;
    }
  }

  async #follow(nc: NatsConnection): Promise<void> {
    for await (const status of nc.status()) {
      if (status.type === "disconnect") {
        this.#connected = false;
        this.#probe();
        for (const listener of this.#disconnectListeners) listener();
      }
      if (status.type === "error" && status.error instanceof errors.AuthorizationError) {
        this.#reason = reasonOfDial(status.error);
      }
      if (status.type === "reconnect") {
        this.#onConnected();
        for (const listener of this.#reconnectListeners) listener();
      }
    }
    this.#stopProbing();
  }

  #onConnected(): void {
    this.#stopProbing();
    this.#reason = undefined;
    this.#connected = true;
  }

  #probe(): void {
    this.#stopProbing();
    const onReason = this.#onReason;
    if (!onReason || this.#closing.signal.aborted) return;
    this.#stopProbing = probeDialFailures(this.#settings, (reason) => {
      this.#reason = reason;
      onReason(reason);
    });
  }
}
