import type { ConsumedRecord } from "@madang/broker";
import { isLogEvent, type LogEvent } from "@madang/protocol";
import type { Logger } from "@madang/runtime";
import { Changes, type DeadLetter } from "../store/changes.ts";
import type { Store } from "../store/store.ts";
import { projectEvent } from "./events/index.ts";

/** Strict: bytes that are no UTF-8 would otherwise be stored as something that nobody sent. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What has been projected by this instance. */
export class ProjectionCounts {
  batches = 0;
  events = 0;
  deadLetters = 0;
}

/**
 * Takes batches of the log into the store. A record that cannot be projected becomes a dead letter with its reason: it
 * neither stops the flow nor is lost. Rejects, and writes nothing, where the records are not ours any more.
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
    // Another instance may have written them, and a room been erased since: they would come back.
    if (!isOurs()) throw new Error("the batch has gone to another instance meanwhile");
    const refusals = await store.write(changes);
    const refused = refusals.map(({ position, reason }) =>
      deadLetter(records.find(({ epoch, seq }) => epoch === position.epoch && seq === position.seq)!, reason),
    );
    if (refused.length > 0) await store.keepDeadLetters(refused);
    const dead = [...changes.deadLetters, ...refused];
    // One line a batch: where all is foreign there may be thousands a second. The admin page shows each.
    if (dead[0]) log.warn({ count: dead.length, first: dead[0].position, reason: dead[0].reason }, "dead letters");
    counts.batches++;
    counts.events += records.length;
    counts.deadLetters += dead.length;
  };
}

/** @returns the event, or why it is none */
function decode({ data, room, seq }: ConsumedRecord): LogEvent | string {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(data));
  } catch {
    return "it is not JSON";
  }
  if (!isLogEvent(value)) return "it is not an event that this version knows";
  if (room === undefined) return "its subject is no room's";
  if (value.room !== room) return "its room is not its subject's";
  if ("target" in value && value.target >= seq) return "its target is not before it";
  return value;
}

function deadLetter({ epoch, seq, subject, data }: ConsumedRecord, reason: string): DeadLetter {
  return { position: { epoch, seq }, subject, data, reason };
}
