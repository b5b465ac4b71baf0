import type { UpFrame } from "@madang/protocol/browser";
import type { Clock } from "./clock.ts";
import type { MadangError } from "./errors.ts";
import { expiryOf } from "./token.ts";

/** An automatic refresh starts after 80 % to 90 % of the remaining life: the spread keeps clients apart. */
const LIFE_SHARE_MIN = 0.8;
const LIFE_SHARE_SPREAD = 0.1;
/** With less life left, the client lets the token expire and reconnects with a new one (3005). */
const LIFE_MIN_MS = 5_000;
/** Timers overflow at 24 days. */
const DELAY_MAX_MS = 20 * 24 * 60 * 60_000;

export interface RefresherDeps {
  readonly clock: Clock;
  readonly random: () => number;
  send(frame: UpFrame): void;
  /** The current token expires soon. */
  expiring(): void;
}

interface Refresh {
  readonly token: string;
  resolve(): void;
  reject(error: MadangError): void;
}

/**
 * Refreshes of the token, one at a time: the server's next `welcome` or error without a room answers the one on the way.
 * A refresh that loses its connection is sent again on the next one.
 */
export class Refresher {
  readonly #deps: RefresherDeps;
  #queue: Refresh[] = [];
  #connected = false;
  #token: string | undefined;
  #cancel = () => {};

  constructor(deps: RefresherDeps) {
    this.#deps = deps;
  }

  /** Resolves once the server has accepted `token`. */
  refresh(token: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ token, resolve, reject });
      if (this.#queue.length === 1) this.#sendFirst();
    });
  }

  /** The server answered `hello`. @param token a token to renew automatically, if its expiry is readable */
  connected(token: string | undefined): void {
    this.#connected = true;
    this.#watch(token);
    this.#sendFirst();
  }

  /** The server answered `refresh`. */
  accepted(): void {
    const refresh = this.#queue.shift();
    if (!refresh) return;
    // Without a token function, the caller renews the token.
    if (this.#token !== undefined) this.#watch(refresh.token);
    this.#sendFirst();
    refresh.resolve();
  }

  /** @returns whether the error answers a refresh */
  refused(error: MadangError): boolean {
    if (!this.#connected) return false;
    const refresh = this.#queue.shift();
    if (!refresh) return false;
    this.#sendFirst();
    refresh.reject(error);
    return true;
  }

  /** After a failed automatic refresh: tries again in what is left of the token's life. */
  retry(): void {
    if (this.#connected) this.#watch(this.#token);
  }

  disconnected(): void {
    this.#connected = false;
    this.#token = undefined;
    this.#cancel();
  }

  /** The client stops: nothing is sent any more. */
  giveUp(error: MadangError): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const { reject } of queue) reject(error);
  }

  #sendFirst(): void {
    const [first] = this.#queue;
    if (first && this.#connected) this.#deps.send({ type: "refresh", token: first.token });
  }

  #watch(token: string | undefined): void {
    this.#cancel();
    this.#token = token;
    const { clock, random, expiring } = this.#deps;
    const lifeMs = (token === undefined ? 0 : (expiryOf(token) ?? 0)) - clock.now();
    if (lifeMs < LIFE_MIN_MS) return;
    const delayMs = Math.min(lifeMs * (LIFE_SHARE_MIN + LIFE_SHARE_SPREAD * random()), DELAY_MAX_MS);
    this.#cancel = clock.after(delayMs, expiring);
  }
}
