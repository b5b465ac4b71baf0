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

/** What an operator decides about the log. */
export interface LogSettings {
  /** Copies in the cluster: 1, 3 or 5. */
  readonly replicas: number;
  /** How long the log keeps an event, in milliseconds. MongoDB keeps it for good. */
  readonly maxAgeMs: number;
  /** Largest size of the log in bytes, -1: no limit. A full log refuses; it never drops what is stored. */
  readonly maxBytes: number;
  /** How long a repeated publish id is recognised, in milliseconds. */
  readonly duplicateWindowMs: number;
}

export const DEFAULT_LOG_SETTINGS: LogSettings = {
  replicas: 1,
  maxAgeMs: 7 * 24 * 3600_000,
  maxBytes: -1,
  duplicateWindowMs: 120_000,
};

/** Headers and JSON around a text of 4,000 characters, at four bytes each, escaped, fit well within. */
const MAX_STORED_BYTES = 64 * 1024;
const EPOCH_KEY = "madang_epoch";
/** Who leads a log tells the other servers so each second. */
const DOUBT_MS = 2000;

function streamConfig(settings: LogSettings, epoch: string): Partial<StreamConfig> & { name: string } {
  return {
    name: STREAM,
    subjects: [LOG_SUBJECTS],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    // A moderator's erasure is the one thing that takes an event out; who may is the business of NATS's permissions.
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

/** One life of the log. */
export interface StreamIdentity {
  readonly epoch: string;
  /** The oldest sequence that is still stored. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Settings of the stream by which it breaks what the log promises, in words. */
  readonly unsafeSettings: readonly string[];
}

function identity(info: StreamInfo, { duplicateWindowMs }: LogSettings): StreamIdentity {
  // A stream made by hand has no epoch in its metadata; its making is then its name.
  const epoch = info.config.metadata?.[EPOCH_KEY] ?? newEpoch(Date.parse(info.created));
  const unsafeSettings = unsafeSettingsOf(info.config, nanos(duplicateWindowMs));
  return { epoch, firstSeq: info.state.first_seq, lastSeq: info.state.last_seq, unsafeSettings };
}

/** Who the log is now, or `undefined` when there is none. @throws when JetStream does not answer */
async function readIdentity(jsm: JetStreamManager, settings: LogSettings): Promise<StreamIdentity | undefined> {
  try {
    return identity(await jsm.streams.info(STREAM), settings);
  } catch (error) {
    if (isApiError(error, "streamNotFound")) return undefined;
    throw error;
  }
}

/** The log's identity; makes the log with a new epoch where there is none. Safe for many callers at once. */
export async function ensureStream(jsm: JetStreamManager, settings: LogSettings): Promise<StreamIdentity> {
  const present = await readIdentity(jsm, settings);
  if (present) return present;
  try {
    return identity(await jsm.streams.add(streamConfig(settings, newEpoch(Date.now()))), settings);
  } catch (error) {
    // Another process made it in the meantime, with its own epoch.
    if (isApiError(error, "streamNameInUse")) {
      const theirs = await readIdentity(jsm, settings);
      if (theirs) return theirs;
    }
    throw error;
  }
}

/** Whether the log ends before a place that it had reached: it was put back to an older state, or made under an older name. */
function endsBefore(
  { epoch, lastSeq }: Pick<StreamIdentity, "epoch" | "lastSeq">,
  reached: { epoch: string; seq: number },
): boolean {
  return epoch === reached.epoch ? lastSeq < reached.seq : epoch < reached.epoch;
}

/**
 * Gives a log that {@link endsBefore} what it had reached the next epoch: its sequences will be given again, and must not
 * be taken for those of before. Of many callers all choose the same.
 * @returns the epoch that it had, `undefined` when nothing was to be done
 */
export async function renewEpoch(
  jsm: JetStreamManager,
  settings: LogSettings,
  reached: { readonly epoch: string; readonly seq: number },
): Promise<string | undefined> {
  let info = await jsm.streams.info(STREAM);
  if (info.cluster?.replicas?.length && endsBefore(identity(info, settings), reached)) {
    // A server that led the log until it stood still says for some milliseconds after what it knew then.
    await delay(DOUBT_MS);
    info = await jsm.streams.info(STREAM);
  }
  const present = identity(info, settings);
  if (!endsBefore(present, reached)) return undefined;
  const metadata = { ...info.config.metadata, [EPOCH_KEY]: epochAfter(reached.epoch) };
  await jsm.streams.update(STREAM, { metadata });
  return present.epoch;
}
