export * from "./connect.ts";
export * from "./consumer.ts";
export { openLog } from "./jetstream-log.ts";
export * from "./log.ts";
export { DEFAULT_LOG_SETTINGS, type LogSettings } from "./stream-config.ts";
