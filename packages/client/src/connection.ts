import type { DownFrame, UpFrame, WelcomeFrame } from "@madang/protocol/browser";
import type { Clock } from "./clock.ts";
import { ABNORMAL_CLOSURE, type Transport, type TransportFactory } from "./transport.ts";

export type HelloFrame = Extract<UpFrame, { type: "hello" }>;
export type TokenSource = string | (() => Promise<string>) | undefined;

/** From the first step of connecting to `welcome`. Longer is a failed attempt. */
const WELCOME_MS = 10_000;
/** Above the server's ping interval, how long nothing at all may come before the client asks for a sign of life. */
const SILENCE_MARGIN_MS = 10_000;
const PROBE_ANSWER_MS = 10_000;
/** What is longer is a mistake, and timers overflow at 24 days. */
const PING_MAX_S = 24 * 60 * 60;
/** A hint that the network changed is worth a probe only when the last sign of life is older than this. */
const FRESH_MS = 5_000;
/**
 * A page cannot see a server's pings, so a connection that died without a word would look like a quiet room. Leaving a
 * room in which this connection is not is the cheapest frame that a server answers (F5, `not_joined`) and changes nothing.
 */
const PROBE: UpFrame = { type: "leave", room: "madang-sign-of-life" };

export interface ConnectionDeps {
  readonly url: string;
  readonly transport: TransportFactory;
  readonly clock: Clock;
  readonly token: TokenSource;
  /** Called when the transport is open, so that the positions in it are the latest. */
  hello(token: string | undefined): HelloFrame;
  welcome(frame: WelcomeFrame): void;
  frame(frame: Exclude<DownFrame, WelcomeFrame>): void;
  /** Once, at the end; not after {@link Connection.close}. */
  closed(code: number, reason: string): void;
}

/** One attempt to connect and, when it succeeds, the connection: handshake (F1) and liveness. */
export class Connection {
  readonly #deps: ConnectionDeps;
  #transport: Transport | undefined;
  #ended = false;
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
    if (typeof token !== "function") this.#open(token);
    else {
      // In a promise of its own, so that a token source that throws at once fails this attempt like a late one.
      void new Promise<string>((resolve) => resolve(token())).then(
        (value) => this.#open(value),
        () => this.#end(ABNORMAL_CLOSURE, "no token"),
      );
    }
  }

  send(frame: UpFrame): void {
    this.sendText(JSON.stringify(frame));
  }

  sendText(frame: string): void {
    this.#transport?.send(frame);
  }

  /** Asks for a sign of life when the last one is not fresh. Without an answer in 10 s the connection is lost. */
  probe(): void {
    if (!this.#welcomed || this.#ended || this.#probing) return;
    if (this.#deps.clock.now() - this.#heardAt < FRESH_MS) return;
    this.#probing = true;
    this.send(PROBE);
    this.#cancel();
    this.#cancel = this.#deps.clock.after(PROBE_ANSWER_MS, () => this.#end(ABNORMAL_CLOSURE, "no sign of life"));
  }

  /** Ends it without telling. Idempotent. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancel();
    this.#transport?.close();
  }

  #open(token: string | undefined): void {
    if (this.#ended) return;
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
    if (this.#welcomed) return;
    if (!isWelcome(frame)) return this.#end(ABNORMAL_CLOSURE, "no welcome of this protocol");
    this.#welcomed = true;
    this.#silenceMs = frame.ping * 1000 + SILENCE_MARGIN_MS;
    this.#watch(this.#silenceMs);
    this.#deps.welcome(frame);
  }

  /** One timer however many frames come: when it fires early it goes on for what is left. */
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

/** Whether it has the numbers that the client goes by: what listens at the URL may be no server of ours. */
function isWelcome({ ping, limits }: Partial<WelcomeFrame>): boolean {
  return ping !== undefined && ping > 0 && ping <= PING_MAX_S && Number.isInteger(limits?.rooms);
}

/** The server is trusted to keep to the protocol; what is not even an object with a type is passed over. */
function parseFrame(text: string): DownFrame | undefined {
  try {
    const frame = JSON.parse(text) as DownFrame | null;
    return typeof frame?.type === "string" ? frame : undefined;
  } catch {
    return undefined;
  }
}
