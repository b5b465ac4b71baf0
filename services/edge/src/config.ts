import { type AuthSettings, readAuthSettings } from "@madang/auth";
import { ConfigError, readConfig } from "@madang/runtime";
import type { Static } from "typebox";
import { Type } from "typebox";
import { type Limits, readLimits } from "./limits-config.ts";
import { Origins } from "./origins.ts";
import { processCount } from "./processes.ts";

const Environment = Type.Object({
  HOST: Type.String({ default: "127.0.0.1", description: "Address to listen on." }),
  PORT: Type.Integer({ default: 8000, minimum: 0, maximum: 65535 }),
  EDGE_PROCESSES: Type.String({
    default: "1",
    description: 'Processes on this port: a number, or "auto": one a core.',
  }),
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
  ALLOWED_ORIGINS: Type.String({
    default: "",
    description: "Pages that may connect besides those of this host, comma-separated; * is any.",
  }),
  TRUST_PROXY: Type.String({
    default: "",
    description: "Whose X-Forwarded-For is believed: how many proxies stand in front, or their addresses.",
  }),
  BLOCKED_WORDS_FILE: Type.String({ default: "", description: "Words that no message may have, one a line." }),
  LOG_MAX_BYTES: Type.Integer({
    default: -1,
    minimum: -1,
    description: "Largest log, when this edge makes it; -1: no limit.",
  }),
});

export interface EdgeConfig {
  readonly host: string;
  readonly port: number;
  readonly processes: number;
  readonly natsUrl: string;
  readonly natsCaFile: string | undefined;
  readonly persistenceUrls: readonly string[];
  readonly logLevel: string;
  readonly drainMs: number;
  readonly textMaxCharacters: number;
  readonly ringMaxBytes: number;
  readonly logReplicas: number;
  readonly logMaxBytes: number;
  readonly blockedWordsFile: string | undefined;
  readonly auth: AuthSettings;
  readonly limits: Limits;
  readonly origins: Origins;
  /** As Fastify has it. */
  readonly trustProxy: string | false | ((address: string, hop: number) => boolean);
}

/** @throws ConfigError */
export function edgeConfig(env: NodeJS.ProcessEnv = process.env): EdgeConfig {
  const e: Static<typeof Environment> = readConfig(Environment, env);
  const persistenceUrls = e.PERSISTENCE_URL.split(",").map((url) => url.trim().replace(/\/+$/, ""));
  if (!persistenceUrls.every((url) => URL.canParse(url))) {
    throw new ConfigError("PERSISTENCE_URL must be one or more http:// URLs, separated by commas.");
  }
  const auth = readAuthSettings(e.HOST, env);
  return {
    host: e.HOST,
    port: e.PORT,
    processes: processCount(e.EDGE_PROCESSES),
    natsUrl: e.NATS_URL,
    natsCaFile: e.NATS_CA_FILE || undefined,
    persistenceUrls,
    logLevel: e.LOG_LEVEL,
    drainMs: e.DRAIN_MS,
    textMaxCharacters: e.TEXT_MAX_CHARACTERS,
    ringMaxBytes: e.RING_MAX_BYTES,
    logReplicas: e.LOG_REPLICAS,
    logMaxBytes: e.LOG_MAX_BYTES,
    blockedWordsFile: e.BLOCKED_WORDS_FILE || undefined,
    auth,
    limits: readLimits(e.HOST, auth, env),
    origins: new Origins(e.ALLOWED_ORIGINS),
    trustProxy: trustedProxies(e.TRUST_PROXY),
  };
}

/** @throws ConfigError. "true" is not among the values: whoever may say where they come from escapes every limit. */
function trustedProxies(text: string): EdgeConfig["trustProxy"] {
  if (text === "" || text === "0") return false;
  if (/^[1-9]$/.test(text)) return (_address, hop) => hop < Number(text);
  if (/^[\w.:/]+(\s*,\s*[\w.:/]+)*$/.test(text) && text !== "true") return text;
  throw new ConfigError(
    "The environment variable TRUST_PROXY must be a number of proxies, or their addresses (10.0.0.0/8, loopback).",
  );
}
