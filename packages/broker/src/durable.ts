import { AckPolicy, type ConsumerConfig, DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { isApiError } from "./api-errors.ts";
import { ensureStream, type LogSettings, type StreamIdentity } from "./stream-config.ts";
import { STREAM } from "./subjects.ts";

/** Short, so that the batch of a killed instance is delivered again soon. A living instance renews it after each third. */
export const ACK_WAIT_MS = 10_000;
/** Unacknowledged records of all instances together. */
const MAX_ACK_PENDING = 5000;

/**
 * A durable consumer has the epoch in its name. Otherwise a batch in hand while the log is created anew would acknowledge
 * events of the new log that have the same sequences and are not stored yet.
 */
export interface Durable {
  readonly name: string;
  readonly epoch: string;
}

/** The log's identity, and how far its consumer has come. */
export interface FoundLog extends StreamIdentity {
  /** Everything up to this sequence has been acknowledged, by any instance; 0 where there is no consumer. */
  readonly ackFloor: number;
}

/** The name of the consumer for an epoch. */
export function durableName(epoch: string): string {
  return `persistence-${epoch}`;
}

/**
 * Creates the log and its durable consumer where they are missing. Safe for many callers at once.
 * @param accept is asked about the log before the consumer is created, and may delete an old one. When it rejects, no
 *   consumer is created
 * @throws when JetStream does not answer or refuses, and when `accept` rejects
 */
export async function ensureDurable(
  jsm: JetStreamManager,
  settings: LogSettings,
  accept: (log: FoundLog) => Promise<void> = async () => {},
): Promise<Durable> {
  const log = await ensureStream(jsm, settings);
  const { epoch } = log;
  const name = durableName(epoch);
  await accept({ ...log, ackFloor: await ackFloorOf(jsm, name) });
  const config: Partial<ConsumerConfig> & { durable_name: string } = {
    durable_name: name,
    description: "Projects the log into MongoDB.",
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(ACK_WAIT_MS),
    // A finite number would silently skip events in a long outage of the store.
    max_deliver: -1,
    max_ack_pending: MAX_ACK_PENDING,
  };
  try {
    await jsm.consumers.add(STREAM, config);
  } catch (error) {
    // Another version of this service created it.
    if (!isApiError(error, "consumerExistsDifferently")) throw error;
    await jsm.consumers.update(STREAM, name, config);
  }
  return { name, epoch };
}

async function ackFloorOf(jsm: JetStreamManager, name: string): Promise<number> {
  try {
    return (await jsm.consumers.info(STREAM, name)).ack_floor.stream_seq;
  } catch (error) {
    if (isApiError(error, "consumerNotFound")) return 0;
    throw error;
  }
}

/** The sequence and number of deliveries in the subject `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<seq>.<consumer seq>.<time>.<pending>[.<random>]` */
export function parseAckSubject(subject: string): { seq: number; deliveries: number } | undefined {
  const tokens = subject.split(".");
  const first = tokens.length === 9 ? 4 : 6;
  const seq = Number(tokens[first + 1]);
  return tokens[1] === "ACK" && Number.isSafeInteger(seq) ? { seq, deliveries: Number(tokens[first]) } : undefined;
}
