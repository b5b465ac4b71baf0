import type { Msg } from "@nats-io/transport-node";
import { ACK_WAIT_MS } from "./durable.ts";

/** More than the log's server leaves without an acknowledgement at one time, over several of its saves. */
const MAX_ACKS = 20_000;

interface Acks {
  readonly at: number;
  readonly subjects: readonly string[];
}

/**
 * The acknowledgements that were sent within the last {@link ACK_WAIT_MS}. Some are lost when the log's server is killed,
 * or while the connection is down. The server redelivers the events of older ones by itself.
 */
export class RecentAcks {
  #batches: Acks[] = [];
  #count = 0;

  /** Records the acknowledgements of a batch. */
  add(messages: readonly Msg[]): void {
    const subjects = messages.map(({ reply }) => reply!);
    this.#batches.push({ at: performance.now(), subjects });
    this.#count += subjects.length;
    while (this.#count > MAX_ACKS || this.#isOld(this.#batches[0]))
      this.#count -= this.#batches.shift()!.subjects.length;
  }

  /** @returns the subjects of the acknowledgements, and forgets them */
  take(): string[] {
    const subjects = this.#batches.filter((batch) => !this.#isOld(batch)).flatMap((batch) => batch.subjects);
    this.#batches = [];
    this.#count = 0;
    return subjects;
  }

  #isOld(batch: Acks | undefined): boolean {
    return batch !== undefined && performance.now() - batch.at > ACK_WAIT_MS;
  }
}
