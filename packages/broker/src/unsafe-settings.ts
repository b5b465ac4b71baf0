import { OperatorError } from "@madang/runtime/operator-error";
import { DiscardPolicy, PersistMode, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";
import { LIVE_SUBJECTS, LOG_SUBJECTS } from "./subjects.ts";

/** The stream was created or changed by hand, and may lose events that it acknowledged: see {@link unsafeSettingsOf}. */
export class UnsafeLogError extends OperatorError {
  /** @param settings in words */
  constructor(settings: readonly string[]) {
    super(`The stream CHAT has settings under which acknowledged events may be lost: ${settings.join("; ")}.`);
  }
}

/**
 * Settings of the stream under which it may drop, change or withhold events that it acknowledged. Settings that only cost
 * space or time (replicas, limits that refuse, age, compression, placement) are the operator's decision.
 * @returns each in words; empty where the log can keep its promises
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
    // Moderators must be able to erase.
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
