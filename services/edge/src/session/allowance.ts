import { ProtocolError } from "@madang/protocol";
import { Bucket, type Rate } from "@madang/runtime";
import type { Limits } from "../access/limits.ts";

/** A client may be refused this many times as often as it may send; beyond that it is closed. */
const REFUSALS_PER_SEND = 10;
const REFUSALS_MIN = 100;
/** A client that knows the protocol is refused now and then. A frame that cannot be decoded weighs more, and by its size. */
const UNREADABLE_WEIGHT = 10;
const UNREADABLE_BYTES = 64;

/** The rate limits of one connection. */
export class Allowance {
  readonly #sends: Bucket | undefined;
  readonly #joins: Bucket | undefined;
  readonly #typing: Bucket | undefined;
  readonly #refusals: Bucket | undefined;

  constructor({ sends, joins, typing }: Pick<Limits, "sends" | "joins" | "typing">) {
    this.#sends = bucket(sends);
    this.#joins = bucket(joins);
    this.#typing = bucket(typing);
    this.#refusals = bucket(
      sends && { count: Math.max(REFUSALS_MIN, sends.count * REFUSALS_PER_SEND), windowMs: sends.windowMs },
    );
  }

  /** @throws ProtocolError `rate_limited` */
  takeSend(): void {
    take(this.#sends);
  }

  /** @throws ProtocolError `rate_limited` */
  takeJoin(): void {
    take(this.#joins);
  }

  /** @throws ProtocolError `rate_limited` */
  takeTyping(): void {
    take(this.#typing);
  }

  /** False after too many refusals. @param unreadableBytes the size of a frame that could not be decoded */
  toleratesRefusal(unreadableBytes?: number): boolean {
    const weight = unreadableBytes === undefined ? 1 : UNREADABLE_WEIGHT + unreadableBytes / UNREADABLE_BYTES;
    return this.#refusals === undefined || this.#refusals.take(performance.now(), weight) === 0;
  }
}

function bucket(rate: Rate | undefined): Bucket | undefined {
  return rate && new Bucket(rate);
}

function take(from: Bucket | undefined): void {
  const waitMs = from?.take(performance.now()) ?? 0;
  if (waitMs > 0) throw new ProtocolError("rate_limited", { retryAfter: waitMs / 1000 });
}
