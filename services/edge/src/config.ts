import { ConfigError, readConfig } from "@madang/runtime";
import type { Static } from "typebox";
import { Type } from "typebox";

const Environment = Type.Object({
  HOST: Type.String({ default: "127.0.0.1", description: "Address to listen on." }),
  PORT: Type.Integer({ default: 8000, minimum: 0, maximum: 65535 }),
  NATS_URL: Type.String({ default: "nats://127.0.0.1:4222", description: "Comma-separated." }),
  NATS_CA_FILE: Type.String({
    default: "",
    description: "CA of the NATS servers' certificates, where it is a private one.",
  }),
  PERSISTENCE_URL: Type.String({ default: "http://127.0.0.1:8100", description: "Comma-separated." }),
  LOG_LEVEL: Type.String({ default: "info" }),
  DRAIN_MS: Type.Integer({
    default: 10_000,
    minimum: 0,
    maximum: 600_000,
    description: "Clients are sent away over this time.",
  }),
  TEXT_MAX_CHARACTERS: Type.Integer({ default: 4000, minimum: 1, maximum: 10_000 }),
  RING_MAX_BYTES: Type.Integer({
    default: 64 * 1024 * 1024,
    minimum: 0,
    description: "Recent events of all rooms, in memory.",
  }),
  LOG_REPLICAS: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 5,
    description: "Copies of the log, when this edge makes it.",
  }),
  LOG_MAX_BYTES: Type.Integer({
    default: -1,
    minimum: -1,
    description: "Largest log, when this edge makes it; -1: no limit.",
  }),
});

export interface EdgeConfig {
  readonly host: string;
  readonly port: number;
  readonly natsUrl: string;
  readonly natsCaFile: string | undefined;
  readonly persistenceUrls: readonly string[];
  readonly logLevel: string;
  readonly drainMs: number;
  readonly textMaxCharacters: number;
  readonly ringMaxBytes: number;
  readonly logReplicas: number;
  readonly logMaxBytes: number;
}

/** @throws ConfigError */
export function edgeConfig(env: NodeJS.ProcessEnv = process.env): EdgeConfig {
  const e: Static<typeof Environment> = readConfig(Environment, env);
  const persistenceUrls = e.PERSISTENCE_URL.split(",").map((url) => url.trim().replace(/\/+$/, ""));
  if (!persistenceUrls.every((url) => URL.canParse(url))) {
    throw new ConfigError("PERSISTENCE_URL must be one or more http:// URLs, separated by commas.");
  }
  return {
    host: e.HOST,
    port: e.PORT,
    natsUrl: e.NATS_URL,
    natsCaFile: e.NATS_CA_FILE || undefined,
    persistenceUrls,
    logLevel: e.LOG_LEVEL,
    drainMs: e.DRAIN_MS,
    textMaxCharacters: e.TEXT_MAX_CHARACTERS,
    ringMaxBytes: e.RING_MAX_BYTES,
    logReplicas: e.LOG_REPLICAS,
    logMaxBytes: e.LOG_MAX_BYTES,
  };
}
