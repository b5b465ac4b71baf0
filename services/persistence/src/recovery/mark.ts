import { createHash } from "node:crypto";
import type { ConsumedRecord } from "@madang/broker";
import { comparePositions } from "../store/position.ts";
import type { Mark } from "../store/store.ts";

type Event = Pick<ConsumedRecord, "subject" | "data">;

/**
 * The last event of a batch. Kept in the store before the batch is acknowledged, it tells two things: a log that has
 * another event at that position is not the one that was projected, and a store whose mark is behind what was acknowledged
 * is not the one that was written to.
 */
export function markOf(batch: readonly ConsumedRecord[]): Mark {
  const { epoch, seq, subject, data } = batch.reduce((last, record) =>
    comparePositions(record, last) > 0 ? record : last,
  );
  return { position: { epoch, seq }, fingerprint: fingerprint({ subject, data }) };
}

/** Whoever sees it does not learn what was said: the event has its time and mostly a nonce in it. */
export function fingerprint({ subject, data }: Event): string {
  return createHash("sha256").update(subject).update("\n").update(data).digest("base64url");
}
