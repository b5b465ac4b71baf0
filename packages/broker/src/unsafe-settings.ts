import { DiscardPolicy, PersistMode, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";
import { LIVE_SUBJECTS, LOG_SUBJECTS } from "./subjects.ts";

/** An operator's stream that breaks what the log promises: see {@link unsafeSettingsOf}. */
export class UnsafeLogError extends Error {
  constructor(settings: readonly string[]) {
    super(`The stream CHAT has settings with which nothing that is acknowledged is safe: ${settings.join("; ")}.`);
    this.name = "UnsafeLogError";
  }
}

/**
 * Settings of the stream, as somebody has made or edited it, by which it may drop, change or not tell what it has acknowledged.
 * What only costs room or time (replicas, limits that refuse, age, compression, placement) is the operator's.
 * @returns each in words; none where the log can keep what it promises
 */
export function unsafeSettingsOf(config: StreamConfig, duplicateWindowNs: number): string[] {
  const must = (name: string, value: unknown, allowed: unknown) =>
    value === allowed ? [] : [`${name} is ${JSON.stringify(value)}, and must be ${JSON.stringify(allowed)}`];
  const none = (name: string, value: unknown) => (value === undefined ? [] : [`${name} is set, and must not be`]);
  const { republish } = config;
  return [
    ...must("subjects", (config.subjects ?? []).join(), LOG_SUBJECTS),
    ...must("retention", config.retention, RetentionPolicy.Limits),
    ...must("storage", config.storage, StorageType.File),
    ...must("discard", config.discard, DiscardPolicy.New),
    ...must("max_msgs_per_subject", config.max_msgs_per_subject || -1, -1),
    ...must("deny_purge", config.deny_purge ?? false, true),
    // What a moderator erases is to go.
    ...must("deny_delete", config.deny_delete ?? false, false),
    ...must("allow_direct", config.allow_direct ?? false, true),
    ...must("sealed", config.sealed ?? false, false),
    ...must("no_ack", config.no_ack ?? false, false),
    ...must("persist_mode", config.persist_mode ?? PersistMode.Default, PersistMode.Default),
    ...must("republish.src", republish?.src, LOG_SUBJECTS),
    ...must("republish.dest", republish?.dest, LIVE_SUBJECTS),
    ...must("republish.headers_only", republish?.headers_only ?? false, false),
    ...none("mirror", config.mirror),
    ...none("sources", config.sources?.length ? config.sources : undefined),
    ...none("subject_transform", config.subject_transform),
    ...(config.duplicate_window >= duplicateWindowNs
      ? []
      : [`duplicate_window is ${config.duplicate_window / 1e9} s, and must be ${duplicateWindowNs / 1e9} s or more`]),
  ];
}
