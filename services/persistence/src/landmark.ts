import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ConsumedRecord } from "@madang/broker";
import { comparePlaces } from "./keys.ts";
import type { Mark, Store } from "./store.ts";

const SAVE_INTERVAL_MS = 1000;

type Event = Pick<ConsumedRecord, "subject" | "data">;

/**
 * The last event that is in the store, as far as this instance knows. By it the log is known again: one that has another
 * event at that place is not the one that was projected. Kept in the store, for whoever looks at the log after a restart.
 */
export class Landmark {
  readonly #store: Pick<Store, "loadMark" | "saveMark">;
  #last: ConsumedRecord | undefined;
  #saved: ConsumedRecord | undefined;
  readonly #saver: NodeJS.Timeout;

  constructor(store: Pick<Store, "loadMark" | "saveMark">) {
    this.#store = store;
    // A save that fails is made up for by the next.
    this.#saver = setInterval(() => void this.save().catch(() => {}), SAVE_INTERVAL_MS);
  }

  /** These are in the store. */
  projected(records: readonly ConsumedRecord[]): void {
    for (const record of records) {
      if (!this.#last || comparePlaces(record, this.#last) > 0) this.#last = record;
    }
  }

  /** @throws when the store cannot be read now */
  async mark(): Promise<Mark | undefined> {
    const saved = await this.#store.loadMark();
    const last = this.#last && markOf(this.#last);
    return saved && (!last || comparePlaces(saved.place, last.place) > 0) ? saved : last;
  }

  async save(): Promise<void> {
    const last = this.#last;
    if (!last || last === this.#saved) return;
    await this.#store.saveMark(markOf(last));
    this.#saved = last;
  }

  /** Saves it once more, unless that takes longer than `limitMs`. */
  async close(limitMs: number): Promise<void> {
    clearInterval(this.#saver);
    await Promise.race([this.save().catch(() => {}), delay(limitMs, undefined, { ref: false })]);
  }
}

function markOf(record: ConsumedRecord): Mark {
  return { place: { epoch: record.epoch, seq: record.seq }, fingerprint: fingerprint(record) };
}

/** Whoever sees it does not learn what was said: the event has its time and mostly a nonce in it. */
export function fingerprint({ subject, data }: Event): string {
  return createHash("sha256").update(subject).update("\n").update(data).digest("base64url");
}
