import { Type } from "typebox";
import { badValue, ConfigError, certificatePath, readUrls } from "./config.ts";

/** What a URL of NATS may begin with; where it says nothing, with the first. */
const NATS_SCHEMES = ["nats", "tls"] as const;

const NO_LIMIT = -1;
/** NATS takes 0 for no limit, and a log that holds some messages only refuses nearly all. */
const LOG_LEAST_BYTES = 1024 * 1024;

/** The settings that both services have alike, for the schema of each. */
export const SERVICE_SETTINGS = {
  HOST: Type.String({
    default: "127.0.0.1",
    pattern: "^[\\w.:%-]+$",
    examples: ["127.0.0.1", "0.0.0.0", "::1"],
    description: "Address to listen on.",
  }),
  NATS_URL: Type.String({
    default: "nats://127.0.0.1:4222",
    description: "NATS servers, comma-separated; the first URL's user and TLS count for all.",
  }),
  NATS_CA_FILE: Type.String({
    default: "",
    description: "Private CA of the NATS servers' certificates.",
  }),
  // Whoever comes first makes the log.
  LOG_REPLICAS: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 5,
    description: "Copies of the log, used when the log is created.",
  }),
  LOG_MAX_BYTES: Type.Integer({
    default: NO_LIMIT,
    minimum: NO_LIMIT,
    description: "Largest size of the log, used when it is created; -1: no limit.",
  }),
  LOG_LEVEL: Type.Union(
    ["fatal", "error", "warn", "info", "debug", "trace", "silent"].map((level) => Type.Literal(level)),
    { default: "info", description: "Least level of the JSON lines on standard output." },
  ),
};

/** How the log is made. @throws ConfigError */
export function readLogSettings(config: { readonly LOG_REPLICAS: number; readonly LOG_MAX_BYTES: number }): {
  readonly replicas: number;
  readonly maxBytes: number;
} {
  const { LOG_REPLICAS: replicas, LOG_MAX_BYTES: maxBytes } = config;
  if (maxBytes === NO_LIMIT || maxBytes >= LOG_LEAST_BYTES) return { replicas, maxBytes };
  const allowed = `${NO_LIMIT} (no limit) or a whole number from ${LOG_LEAST_BYTES} to ${Number.MAX_SAFE_INTEGER}`;
  throw badValue("LOG_MAX_BYTES", allowed, `${maxBytes}`);
}

/** How NATS is reached. @throws ConfigError */
export function readNats(config: { readonly NATS_URL: string; readonly NATS_CA_FILE: string }): {
  readonly url: string;
  readonly caFile?: string;
} {
  const caFile = certificatePath("NATS_CA_FILE", config.NATS_CA_FILE);
  return { url: readNatsUrls("NATS_URL", config.NATS_URL), ...(caFile ? { caFile } : {}) };
}

/**
 * URLs of NATS servers, separated by commas. Of the first, the user and whether TLS is spoken count for all: what the others
 * say must not be another thing.
 * @throws ConfigError naming the variable, never its value
 */
export function readNatsUrls(variable: string, text: string): string {
  const urls = readUrls(variable, text, NATS_SCHEMES);
  const [first, ...others] = urls.map((url) => new URL(url)) as [URL, ...URL[]];
  const refused = (why: string) => new ConfigError(`The environment variable ${variable} must ${why}.`);
  for (const { port, pathname, search, hash, username, password } of [first, ...others]) {
    if (port === "0" || !["", "/"].includes(pathname) || search || hash) {
      throw refused("be URLs of a host and a port, with user:password@ where needed, and nothing else");
    }
    if (![username, password].every(isDecodable)) throw refused("have its passwords percent-encoded");
  }
  if (others.some(({ username }) => username !== "" && first.username === "")) {
    throw refused("have user:password@ in its first URL: that is used with all of them");
  }
  if (first.protocol !== "tls:" && others.some(({ protocol }) => protocol === "tls:")) {
    throw refused("have tls:// in its first URL, when it has it in another: it counts for all of them");
  }
  return urls.join(",");
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
