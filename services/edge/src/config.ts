import { isIP } from "node:net";
import { AuthEnvironment, type AuthSettings, readAuthSettings } from "@madang/auth";
import {
  badValue,
  ConfigError,
  readConfig,
  readLogSettings,
  readNats,
  readUrls,
  SERVICE_SETTINGS,
} from "@madang/runtime";
import { type Static, type TObject, Type } from "typebox";
import { type Limits, LimitsEnvironment, readLimits } from "./access/limits.ts";
import type { MessageFilter } from "./access/message-filter.ts";
import { Origins } from "./access/origins.ts";
import { wordFilter } from "./access/word-filter.ts";

const EdgeEnvironment = Type.Object({
  ...SERVICE_SETTINGS,
  PORT: Type.Integer({ default: 8000, minimum: 0, maximum: 65535, description: "Port to listen on." }),
  PERSISTENCE_URL: Type.String({
    default: "http://127.0.0.1:8100",
    description: "URLs of persistence services, comma-separated.",
  }),
  DRAIN_MS: Type.Integer({
    default: 10_000,
    minimum: 0,
    maximum: 600_000,
    description: "After SIGTERM the edge closes its connections over this time.",
  }),
  TEXT_MAX_CHARACTERS: Type.Integer({
    default: 4000,
    minimum: 1,
    maximum: 10_000,
    description: "Longest message, in code points.",
  }),
  RING_MAX_BYTES: Type.Integer({
    default: 64 * 1024 * 1024,
    minimum: 0,
    description: "Memory for the recent events of all rooms, in bytes.",
  }),
  ALLOWED_ORIGINS: Type.String({
    default: "",
    description: "Origins besides this host whose pages may connect, comma-separated; * allows any.",
  }),
  TRUST_PROXY: Type.String({
    default: "",
    description: "Proxies whose X-Forwarded-For is trusted: their number, or their addresses.",
  }),
  LOGIN_URL: Type.String({
    default: "",
    description: "With AUTH=jwt: sign-in page (http(s) URL, or path on this host) for people without a valid token.",
  }),
  BLOCKED_WORDS_FILE: Type.String({
    default: "",
    description: "File of words that no message may contain, one a line.",
  }),
});

/** All settings of the edge. */
export const EDGE_SETTINGS: readonly TObject[] = [EdgeEnvironment, AuthEnvironment, LimitsEnvironment];

export interface EdgeConfig {
  readonly host: string;
  readonly port: number;
  readonly nats: { readonly url: string; readonly caFile?: string };
  readonly persistenceUrls: readonly string[];
  readonly logLevel: string;
  readonly drainMs: number;
  readonly textMaxCharacters: number;
  readonly ringMaxBytes: number;
  readonly log: { readonly replicas: number; readonly maxBytes: number };
  /** Absent: nothing is blocked. */
  readonly filter: MessageFilter | undefined;
  readonly auth: AuthSettings;
  readonly limits: Limits;
  readonly origins: Origins;
  /** An absolute URL, or a path on this host. Absent: people without a token see an error page. */
  readonly loginUrl: string | undefined;
  /** The value for Fastify's option of this name. */
  readonly trustProxy: string | false | ((address: string, hop: number) => boolean);
}

/** @throws ConfigError */
export function edgeConfig(env: NodeJS.ProcessEnv = process.env): EdgeConfig {
  const e: Static<typeof EdgeEnvironment> = readConfig(EdgeEnvironment, env);
  const auth = readAuthSettings(e.HOST, env);
  return {
    // With this name, Fastify would add a server for each of its addresses, and those would lack the socket limits.
    host: e.HOST === "localhost" ? "127.0.0.1" : e.HOST,
    port: e.PORT,
    nats: readNats(e),
    persistenceUrls: persistenceUrls(e.PERSISTENCE_URL),
    logLevel: e.LOG_LEVEL,
    drainMs: e.DRAIN_MS,
    textMaxCharacters: e.TEXT_MAX_CHARACTERS,
    ringMaxBytes: e.RING_MAX_BYTES,
    log: readLogSettings(e),
    filter: e.BLOCKED_WORDS_FILE ? wordFilter(e.BLOCKED_WORDS_FILE) : undefined,
    auth,
    limits: readLimits(e.HOST, auth, env),
    origins: new Origins(e.ALLOWED_ORIGINS),
    loginUrl: loginUrl(e.LOGIN_URL, auth),
    trustProxy: trustedProxies(e.TRUST_PROXY),
  };
}

/** @throws ConfigError, also for a path, a query and a password, which requests would ignore */
function persistenceUrls(text: string): string[] {
  return readUrls("PERSISTENCE_URL", text, ["http", "https"]).map((url) => {
    const { origin, href } = new URL(url);
    if (href === `${origin}/`) return url.replace(/\/+$/, "");
    throw new ConfigError(
      "The environment variable PERSISTENCE_URL must be URLs of a host and a port, and nothing else.",
    );
  });
}

/** @throws ConfigError for a URL of another scheme, a relative path, and a path that browsers take for another host's */
function loginUrl(text: string, { mode }: AuthSettings): string | undefined {
  if (text === "") return undefined;
  if (mode === "none") throw new ConfigError("LOGIN_URL has no effect with AUTH=none: set AUTH=jwt, or remove it.");
  const isPath = /^\/(?![/\\])[\x21-\x7e]*$/.test(text);
  const isUrl = /^https?:\/\/[\x21-\x7e]+$/.test(text) && URL.canParse(text) && new URL(text).username === "";
  if (isPath || isUrl) return text;
  throw badValue("LOGIN_URL", "an http:// or https:// URL without a password, or a path that begins with one /", text);
}

/** @throws ConfigError, also for "true": a client that chooses its own address escapes every limit. */
function trustedProxies(text: string): EdgeConfig["trustProxy"] {
  if (text === "" || text === "0") return false;
  if (/^[1-9]$/.test(text)) return (_address, hop) => hop < Number(text);
  if (text.split(",").every((part) => isNetwork(part.trim()))) return text;
  throw badValue("TRUST_PROXY", "a number of proxies from 0 to 9, or their addresses (10.0.0.0/8, loopback)", text);
}

/** Whether this is an address, a range, or one of Fastify's names for ranges. */
function isNetwork(text: string): boolean {
  if (["loopback", "linklocal", "uniquelocal"].includes(text)) return true;
  const [, address = "", bits = "1"] = /^([^/]+)(?:\/([1-9]\d{0,2}))?$/.exec(text) ?? [];
  return Number(bits) <= { 0: 0, 4: 32, 6: 128 }[isIP(address) as 0 | 4 | 6];
}
