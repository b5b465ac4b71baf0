import type { ConsumedRecord } from "@madang/broker";
import { isLogEvent, type LogEvent } from "@madang/protocol";
import type { Logger } from "@madang/runtime";
import { Changes, type DeadLetter } from "../store/changes.ts";
import type { Store } from "../store/store.ts";
import { projectEvent } from "./events/index.ts";

/** Strict, so that invalid UTF-8 becomes a dead letter and not a text with replacement characters. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What this instance has projected. */
export class ProjectionCounts {
  batches = 0;
  events = 0;
  deadLetters = 0;
}

/**
 * Writes batches of the log into the store. A record that cannot be projected becomes a dead letter with its reason, so
 * that it neither blocks the projection nor is lost. Rejects without writing when `isOurs` says that the batch now
 * belongs to another instance.
 */
export function createProjector(
  store: Pick<Store, "write" | "keepDeadLetters">,
  log: Logger,
  counts: ProjectionCounts = new ProjectionCounts(),
): (records: readonly ConsumedRecord[], isOurs?: () => boolean) => Promise<void> {
  return async (records, isOurs = () => true) => {
    const changes = new Changes();
    for (const record of records) {
      const event = decode(record);
      if (typeof event === "string") changes.deadLetters.push(deadLetter(record, event));
      else projectEvent(event, record, changes);
    }
    // Another instance may have stored and then erased these events. Writing them now would bring them back.
    if (!isOurs()) throw new Error("the batch now belongs to another instance");
    const refusals = await store.write(changes);
    const refused = refusals.map(({ position, reason }) =>
      deadLetter(records.find(({ epoch, seq }) => epoch === position.epoch && seq === position.seq)!, reason),
    );
    if (refused.length > 0) await store.keepDeadLetters(refused);
    const dead = [...changes.deadLetters, ...refused];
    // One line a batch, because there may be thousands of dead letters a second. The admin page shows each.
    if (dead[0]) log.warn({ count: dead.length, first: dead[0].position, reason: dead[0].reason }, "dead letters");
    counts.batches++;
    counts.events += records.length;
    counts.deadLetters += dead.length;
  };
}

/** @returns the event, or the reason why the record is not one */
function decode({ data, room, seq }: ConsumedRecord): LogEvent | string {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(data));
  } catch {
    return "it is not valid JSON in UTF-8";
  }
  if (!isLogEvent(value)) return "it is not an event of a type and shape that this version knows";
  if (room === undefined) return "its subject does not name a room";
  if (value.room !== room) return "its room differs from the room of its subject";
  if ("target" in value && value.target >= seq) return "its target is not an earlier event";
  return value;
}

function deadLetter({ epoch, seq, subject, data }: ConsumedRecord, reason: string): DeadLetter {
  return { position: { epoch, seq }, subject, data, reason };
}
