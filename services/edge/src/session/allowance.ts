import { ProtocolError } from "@madang/protocol";
import { Bucket, type Rate } from "@madang/runtime";
import type { Limits } from "../access/limits.ts";

/** A client may be told "no" this many times as often as it may send; one that does not listen at all is closed. */
const REFUSALS_PER_SEND = 10;
const REFUSALS_MIN = 100;
/** Whoever knows the protocol is refused now and then, but is always understood: what is not weighs more, and by its size. */
const NONSENSE_WEIGHT = 10;
const NONSENSE_BYTES = 64;

/** How much one connection may still do. */
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

  /** False when it was told "no" too often. @param nonsenseBytes of a frame that was not understood */
  bearsRefusal(nonsenseBytes?: number): boolean {
    const weight = nonsenseBytes === undefined ? 1 : NONSENSE_WEIGHT + nonsenseBytes / NONSENSE_BYTES;
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
