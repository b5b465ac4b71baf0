import { ConfigError, readConfig } from "@madang/runtime";
import { type Static, Type } from "typebox";
import { ADMIN_TOKEN_MIN_LENGTH } from "./admin/index.ts";

const Config = Type.Object({
  HOST: Type.String({ default: "127.0.0.1", minLength: 1, description: "Address to listen on." }),
  PORT: Type.Integer({ default: 8100, minimum: 0, maximum: 65535 }),
  NATS_URL: Type.String({ default: "nats://127.0.0.1:4222", description: "Comma-separated." }),
  NATS_CA_FILE: Type.String({
    default: "",
    description: "CA of the NATS servers' certificates, where it is a private one.",
  }),
  ADMIN_NATS_URL: Type.String({ default: "", description: "NATS, as the role that may moderate; empty: NATS_URL." }),
  ADMIN_TOKEN: Type.String({
    default: "",
    description: "Opens the admin page, 16 characters or more; empty: it is off.",
  }),
  MONGODB_URL: Type.String({
    default: "mongodb://127.0.0.1:27017/madang",
    pattern: "^mongodb(\\+srv)?://",
    description: "Of a replica set; its path is the database.",
  }),
  // As on the edges: whoever comes first makes the log.
  LOG_REPLICAS: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 5,
    description: "Copies of the log, when it is made.",
  }),
  LOG_MAX_BYTES: Type.Integer({ default: -1, minimum: -1, description: "Largest log, when it is made; -1: no limit." }),
  LOG_LEVEL: Type.Union(
    ["fatal", "error", "warn", "info", "debug", "trace", "silent"].map((level) => Type.Literal(level)),
    { default: "info" },
  ),
});
export type Config = Static<typeof Config>;

/** @throws ConfigError */
export function loadConfig(env?: NodeJS.ProcessEnv): Config {
  const config = readConfig(Config, env);
  if (config.ADMIN_TOKEN !== "" && config.ADMIN_TOKEN.length < ADMIN_TOKEN_MIN_LENGTH) {
    throw new ConfigError(
      `The environment variable ADMIN_TOKEN must have at least ${ADMIN_TOKEN_MIN_LENGTH} characters.`,
    );
  }
  for (const url of config.NATS_URL.split(",")) {
    if (!URL.canParse(url.includes("://") ? url : `nats://${url}`)) {
      throw new ConfigError("The environment variable NATS_URL must be a list of nats://host:port.");
    }
  }
  return config;
}
