import type { DownFrame, UpFrame, WelcomeFrame } from "@madang/protocol/browser";
import type { Clock } from "./clock.ts";
import { askToken, type TokenSource } from "./token.ts";
import { ABNORMAL_CLOSURE, type Transport, type TransportFactory } from "./transport.ts";

export type HelloFrame = Extract<UpFrame, { type: "hello" }>;

/** Limit of an attempt, from the token to `welcome`. */
const WELCOME_MS = 10_000;
/** After the server's refusal of the `hello`, how long the client waits for the close frame. */
const CLOSE_MS = 1_000;
/** The client probes a connection on which nothing arrives for the server's ping interval plus this. */
const SILENCE_MARGIN_MS = 10_000;
/** A probe without an answer for this long means that the connection is lost. */
const PROBE_ANSWER_MS = 10_000;
/** Longest plausible ping interval. Timers overflow at 24 days. */
const PING_MAX_S = 24 * 60 * 60;
/** The client does not probe a connection on which something arrived within this time. */
const FRESH_MS = 5_000;
/**
 * A page cannot see WebSocket pings, so it cannot tell a dead connection from a quiet room. Leaving a room with an invalid
 * name is the cheapest frame that the server answers (F5, `bad_room`). It changes nothing, and no room can have this name.
 */
export const PROBE_ROOM = "/";
const PROBE: UpFrame = { type: "leave", room: PROBE_ROOM };

export interface ConnectionDeps {
  readonly url: string;
  readonly transport: TransportFactory;
  readonly clock: Clock;
  readonly token: TokenSource | undefined;
  /** Called when the transport is open, so that the frame has the latest positions. */
  hello(token: string | undefined): HelloFrame;
  /** The answer to `hello`, with the token that `hello` carried. */
  welcome(frame: WelcomeFrame, token: string | undefined): void;
  /** The answer to `refresh`. */
  refreshed(frame: WelcomeFrame): void;
  frame(frame: Exclude<DownFrame, WelcomeFrame>): void;
  /** The token function failed. {@link closed} follows. */
  tokenFailed(cause: unknown): void;
  /** Called once at the end, but not after {@link Connection.close}. */
  closed(code: number, reason: string): void;
}

/** One attempt to connect and, if it succeeds, the connection: handshake (F1) and liveness. */
export class Connection {
  readonly #deps: ConnectionDeps;
  #transport: Transport | undefined;
  #ended = false;
  #token: string | undefined;
  #welcomed = false;
  #probing = false;
  #heardAt = 0;
  #silenceMs = 0;
  #cancel = () => {};

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#cancel = this.#deps.clock.after(WELCOME_MS, () => this.#end(ABNORMAL_CLOSURE, "no welcome in time"));
    const { token } = this.#deps;
    if (typeof token !== "function") return this.#open(token);
    void askToken(token).then(
      (value) => this.#open(value),
      (cause) => {
        if (this.#ended) return;
        this.#deps.tokenFailed(cause);
        this.#end(ABNORMAL_CLOSURE, "token function failed");
      },
    );
  }

  send(frame: UpFrame): void {
    this.sendText(JSON.stringify(frame));
  }

  sendText(frame: string): void {
    this.#transport?.send(frame);
  }

  /** Checks whether the connection is alive, unless something arrived in the last 5 s. Without an answer in 10 s it is lost. */
  probe(): void {
    if (!this.#welcomed || this.#ended || this.#probing) return;
    if (this.#deps.clock.now() - this.#heardAt < FRESH_MS) return;
    this.#probing = true;
    this.send(PROBE);
    this.#cancel();
    this.#cancel = this.#deps.clock.after(PROBE_ANSWER_MS, () => this.#end(ABNORMAL_CLOSURE, "no answer"));
  }

  /** The server refused the `hello`. Ends the connection if the server does not close it within 1 s. */
  awaitClose(): void {
    this.#cancel();
    this.#cancel = this.#deps.clock.after(CLOSE_MS, () => this.#end(ABNORMAL_CLOSURE, "no close frame"));
  }

  /** Ends the connection without a call to `closed`. Idempotent. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancel();
    this.#transport?.close();
  }

  #open(token: string | undefined): void {
    if (this.#ended) return;
    this.#token = token;
    const { url, transport, hello } = this.#deps;
    try {
      this.#transport = transport(url, {
        open: () => {
          if (!this.#ended) this.send(hello(token));
        },
        message: (text) => {
          if (!this.#ended) this.#receive(text);
        },
        close: (code, reason) => this.#end(code, reason),
      });
    } catch (error) {
      this.#end(ABNORMAL_CLOSURE, error instanceof Error ? error.message : "");
    }
  }

  #receive(text: string): void {
    this.#heardAt = this.#deps.clock.now();
    if (this.#probing) {
      this.#probing = false;
      this.#watch(this.#silenceMs);
    }
    const frame = parseFrame(text);
    if (frame?.type === "welcome") this.#onWelcome(frame);
    else if (frame) this.#deps.frame(frame);
  }

  #onWelcome(frame: WelcomeFrame): void {
    if (!isWelcome(frame)) return this.#end(ABNORMAL_CLOSURE, "invalid welcome");
    if (this.#welcomed) return this.#deps.refreshed(frame);
    this.#welcomed = true;
    this.#silenceMs = frame.ping * 1000 + SILENCE_MARGIN_MS;
    this.#watch(this.#silenceMs);
    this.#deps.welcome(frame, this.#token);
  }

  /** One timer for any number of frames: it runs again for the rest if a frame arrived in the meantime. */
  #watch(ms: number): void {
    this.#cancel();
    this.#cancel = this.#deps.clock.after(ms, () => {
      const left = this.#heardAt + this.#silenceMs - this.#deps.clock.now();
      if (left > 0) this.#watch(left);
      else this.probe();
    });
  }

  #end(code: number, reason: string): void {
    if (this.#ended) return;
    this.close();
    this.#deps.closed(code, reason);
  }
}

/** Whether a welcome has the numbers that the client needs. The URL may lead to another kind of server. */
function isWelcome({ ping, limits }: Partial<WelcomeFrame>): boolean {
  return ping !== undefined && ping > 0 && ping <= PING_MAX_S && Number.isInteger(limits?.rooms);
}

/** The client trusts the server to follow the protocol. It ignores anything but an object with a type. */
function parseFrame(text: string): DownFrame | undefined {
  try {
    const frame = JSON.parse(text) as DownFrame | null;
    return typeof frame?.type === "string" ? frame : undefined;
  } catch {
    return undefined;
  }
}
