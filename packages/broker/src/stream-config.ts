import { setTimeout as delay } from "node:timers/promises";
import { epochAfter, newEpoch } from "@madang/protocol";
import {
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { isApiError } from "./api-errors.ts";
import { LIVE_SUBJECTS, LOG_SUBJECTS, STREAM } from "./subjects.ts";
import { unsafeSettingsOf } from "./unsafe-settings.ts";

/** The settings of the log that an operator decides on. */
export interface LogSettings {
  /** Copies in the cluster: 1, 3 or 5. */
  readonly replicas: number;
  /** How long the log keeps an event, in milliseconds. MongoDB keeps it without a limit. */
  readonly maxAgeMs: number;
  /** Largest size of the log in bytes; -1: no limit. A full log refuses new events, and never drops stored ones. */
  readonly maxBytes: number;
  /** How long the log recognises a repeated publish id, in milliseconds. */
  readonly duplicateWindowMs: number;
}

export const DEFAULT_LOG_SETTINGS: LogSettings = {
  replicas: 1,
  maxAgeMs: 7 * 24 * 3600_000,
  maxBytes: -1,
  duplicateWindowMs: 120_000,
};

/** A text of 4,000 characters, at four bytes each and escaped, fits with its headers and JSON. */
const MAX_STORED_BYTES = 64 * 1024;
const EPOCH_KEY = "madang_epoch";
/** The leader of a log announces itself to the other servers every second. After this time a former leader knows that it is none. */
const DOUBT_MS = 2000;

function streamConfig(settings: LogSettings, epoch: string): Partial<StreamConfig> & { name: string } {
  return {
    name: STREAM,
    subjects: [LOG_SUBJECTS],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    // Only a moderator's erasure takes an event out. NATS's permissions decide which role may do so.
    deny_delete: false,
    deny_purge: true,
    allow_direct: true,
    num_replicas: settings.replicas,
    max_age: nanos(settings.maxAgeMs),
    max_bytes: settings.maxBytes,
    max_msg_size: MAX_STORED_BYTES,
    duplicate_window: nanos(settings.duplicateWindowMs),
    republish: { src: LOG_SUBJECTS, dest: LIVE_SUBJECTS },
    metadata: { [EPOCH_KEY]: epoch },
  };
}

/** The identity of the log's present life, and its extent. */
export interface StreamIdentity {
  readonly epoch: string;
  /** The oldest sequence that is still stored. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Settings under which the stream may lose acknowledged events, in words. Empty for a safe one. */
  readonly unsafeSettings: readonly string[];
}

function identity(info: StreamInfo, { duplicateWindowMs }: LogSettings): StreamIdentity {
  // A stream that was created by hand has no epoch in its metadata: its time of creation then serves as one.
  const epoch = info.config.metadata?.[EPOCH_KEY] ?? newEpoch(Date.parse(info.created));
  const unsafeSettings = unsafeSettingsOf(info.config, nanos(duplicateWindowMs));
  return { epoch, firstSeq: info.state.first_seq, lastSeq: info.state.last_seq, unsafeSettings };
}

/** The log's identity now, or `undefined` where there is none. @throws when JetStream does not answer */
async function readIdentity(jsm: JetStreamManager, settings: LogSettings): Promise<StreamIdentity | undefined> {
  try {
    return identity(await jsm.streams.info(STREAM), settings);
  } catch (error) {
    if (isApiError(error, "streamNotFound")) return undefined;
    throw error;
  }
}

/**
 * The log's identity. Creates the log, with a new epoch, where there is none. Safe for many callers at once.
 * @throws when JetStream does not answer or refuses
 */
export async function ensureStream(jsm: JetStreamManager, settings: LogSettings): Promise<StreamIdentity> {
  const present = await readIdentity(jsm, settings);
  if (present) return present;
  try {
    return identity(await jsm.streams.add(streamConfig(settings, newEpoch(Date.now()))), settings);
  } catch (error) {
    // Another process created it meanwhile, with its own epoch.
    if (isApiError(error, "streamNameInUse")) {
      const theirs = await readIdentity(jsm, settings);
      if (theirs) return theirs;
    }
    throw error;
  }
}

/** Whether the log ends before a position that it had reached: it was restored from an older copy, or has an older epoch. */
function endsBefore(
  { epoch, lastSeq }: Pick<StreamIdentity, "epoch" | "lastSeq">,
  reached: { epoch: string; seq: number },
): boolean {
  return epoch === reached.epoch ? lastSeq < reached.seq : epoch < reached.epoch;
}

/**
 * Gives the next epoch to a log that ends before a position that it had reached. The log will assign its sequences again,
 * and clients must not confuse them with the earlier ones. Callers at the same time all choose the same epoch.
 * @returns the epoch that it had, or `undefined` when it did not end before `reached`
 * @throws when JetStream does not answer or refuses
 */
export async function renewEpoch(
  jsm: JetStreamManager,
  settings: LogSettings,
  reached: { readonly epoch: string; readonly seq: number },
): Promise<string | undefined> {
  let info = await jsm.streams.info(STREAM);
  if (info.cluster?.replicas?.length && endsBefore(identity(info, settings), reached)) {
    // A former leader that was suspended reports its old state for some milliseconds after it continues.
    await delay(DOUBT_MS);
    info = await jsm.streams.info(STREAM);
  }
  const present = identity(info, settings);
  if (!endsBefore(present, reached)) return undefined;
  const metadata = { ...info.config.metadata, [EPOCH_KEY]: epochAfter(reached.epoch) };
  await jsm.streams.update(STREAM, { metadata });
  return present.epoch;
}
