import { Type } from "typebox";
import { badValue, ConfigError, certificatePath, readUrls } from "./config.ts";

/** Schemes of a NATS URL. The first is the default. */
const NATS_SCHEMES = ["nats", "tls"] as const;

const NO_LIMIT = -1;
/** 1 MiB. NATS treats 0 as no limit, and a log of a few messages would refuse nearly all. */
const LOG_LEAST_BYTES = 1024 * 1024;

/** Settings of both services, for the schema of each. */
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
  // The first service that connects creates the log.
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

/** Reads the settings with which the log is created. @throws ConfigError */
export function readLogSettings(config: { readonly LOG_REPLICAS: number; readonly LOG_MAX_BYTES: number }): {
  readonly replicas: number;
  readonly maxBytes: number;
} {
  const { LOG_REPLICAS: replicas, LOG_MAX_BYTES: maxBytes } = config;
  if (maxBytes === NO_LIMIT || maxBytes >= LOG_LEAST_BYTES) return { replicas, maxBytes };
  const allowed = `${NO_LIMIT} (no limit) or a whole number from ${LOG_LEAST_BYTES} to ${Number.MAX_SAFE_INTEGER}`;
  throw badValue("LOG_MAX_BYTES", allowed, `${maxBytes}`);
}

/** Reads the connection to NATS. @throws ConfigError */
export function readNats(config: { readonly NATS_URL: string; readonly NATS_CA_FILE: string }): {
  readonly url: string;
  readonly caFile?: string;
} {
  const caFile = certificatePath("NATS_CA_FILE", config.NATS_CA_FILE);
  return { url: readNatsUrls("NATS_URL", config.NATS_URL), ...(caFile ? { caFile } : {}) };
}

/**
 * Reads comma-separated URLs of NATS servers. The NATS client uses the first URL's user and TLS for all servers, so a user
 * or `tls://` in another URL only is an error.
 * @throws ConfigError with the name of the variable, never its value
 */
export function readNatsUrls(variable: string, text: string): string {
  const urls = readUrls(variable, text, NATS_SCHEMES);
  const [first, ...others] = urls.map((url) => new URL(url)) as [URL, ...URL[]];
  const refused = (why: string) => new ConfigError(`The environment variable ${variable} must ${why}.`);
  for (const { port, pathname, search, hash, username, password } of [first, ...others]) {
    if (port === "0" || !["", "/"].includes(pathname) || search || hash) {
      throw refused("be URLs of a host and a port, with user:password@ if needed, and nothing else");
    }
    if (![username, password].every(isDecodable)) throw refused("have percent-encoded passwords");
  }
  if (others.some(({ username }) => username !== "" && first.username === "")) {
    throw refused("have user:password@ in its first URL, which is used for all servers");
  }
  if (first.protocol !== "tls:" && others.some(({ protocol }) => protocol === "tls:")) {
    throw refused("have tls:// in its first URL if it has it in another, because the first counts for all servers");
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
