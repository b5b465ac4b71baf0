import { Type } from "typebox";
import { readablePath, readUrls } from "./config.ts";

/** What a URL of NATS may begin with; where it says nothing, with the first. */
export const NATS_SCHEMES = ["nats", "tls"] as const;

/** The settings that both services have alike, for the schema of each. */
export const SERVICE_SETTINGS = {
  HOST: Type.String({ default: "127.0.0.1", description: "Address to listen on." }),
  NATS_URL: Type.String({ default: "nats://127.0.0.1:4222", description: "Comma-separated." }),
  NATS_CA_FILE: Type.String({
    default: "",
    description: "CA of the NATS servers' certificates, where it is a private one.",
  }),
  // Whoever comes first makes the log.
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
};

/** How NATS is reached. @throws ConfigError */
export function readNats(config: { readonly NATS_URL: string; readonly NATS_CA_FILE: string }): {
  readonly url: string;
  readonly caFile?: string;
} {
  const caFile = readablePath("NATS_CA_FILE", config.NATS_CA_FILE);
  return { url: readUrls("NATS_URL", config.NATS_URL, NATS_SCHEMES).join(","), ...(caFile ? { caFile } : {}) };
}
