import { createHash } from "node:crypto";
import type { ConsumedRecord } from "@madang/broker";
import { comparePositions } from "../store/position.ts";
import type { Mark } from "../store/store.ts";

type Event = Pick<ConsumedRecord, "subject" | "data">;

/**
 * The mark of a batch: the position and hash of its last event. It is stored before the batch is acknowledged and
 * reveals two faults. A log with another event at that position is not the log that was projected. A store with a
 * mark behind the acknowledged events is not the store that was written to.
 */
export function markOf(batch: readonly ConsumedRecord[]): Mark {
  const { epoch, seq, subject, data } = batch.reduce((last, record) =>
    comparePositions(record, last) > 0 ? record : last,
  );
  return { position: { epoch, seq }, fingerprint: fingerprint({ subject, data }) };
}

/** A hash of an event. Its text cannot be guessed from it, because the event contains a time and mostly a nonce. */
export function fingerprint({ subject, data }: Event): string {
  return createHash("sha256").update(subject).update("\n").update(data).digest("base64url");
}
