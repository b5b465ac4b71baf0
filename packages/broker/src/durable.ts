import { AckPolicy, type ConsumerConfig, DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { isApiError } from "./api-errors.ts";
import { ensureStream, type LogSettings, type StreamIdentity } from "./stream-config.ts";
import { STREAM } from "./subjects.ts";

/** Short, so that the batch of a killed instance comes back soon; a living one renews it at each third. */
export const ACK_WAIT_MS = 10_000;
/** Over all instances. */
const MAX_ACK_PENDING = 5000;

/**
 * A consumer carries its epoch in its name: a batch in hand while the log is made anew would otherwise acknowledge what
 * has the same numbers in the new one, which nobody has stored.
 */
export interface Durable {
  readonly name: string;
  readonly epoch: string;
}

/** The log as it is found, and how far its consumer is. */
export interface FoundLog extends StreamIdentity {
  /** Everything up to here has been acknowledged, by whichever instance; 0: there is no consumer. */
  readonly ackFloor: number;
}

/** The name of the consumer of that life of the log. */
export function durableName(epoch: string): string {
  return `persistence-${epoch}`;
}

/**
 * Makes the log and its durable consumer where they are missing. Safe for many callers at once.
 * @param accept sees the log before the consumer is made, and may take the old one away; none is made where it throws
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
    // A finite number would silently skip history in a long outage of the store.
    max_deliver: -1,
    max_ack_pending: MAX_ACK_PENDING,
  };
  try {
    await jsm.consumers.add(STREAM, config);
  } catch (error) {
    // Made by another version of us.
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

/** `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<seq>.<consumer seq>.<time>.<pending>[.<random>]` */
export function parseAckSubject(subject: string): { seq: number; deliveries: number } | undefined {
  const tokens = subject.split(".");
  const first = tokens.length === 9 ? 4 : 6;
  const seq = Number(tokens[first + 1]);
  return tokens[1] === "ACK" && Number.isSafeInteger(seq) ? { seq, deliveries: Number(tokens[first]) } : undefined;
}
