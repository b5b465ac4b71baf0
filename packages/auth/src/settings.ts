import { createHmac } from "node:crypto";
import { ConfigError, readConfig } from "@madang/runtime";
import { Type } from "typebox";

const SECRET_MIN_BYTES = 32;

/** The settings of authentication, the same for both services. */
export const AuthEnvironment = Type.Object({
  AUTH: Type.Union([Type.Literal("none"), Type.Literal("jwt")], {
    default: "none",
    description: "none: anyone with a nickname; jwt: a token carries identity and permissions.",
  }),
  ALLOW_ANONYMOUS: Type.Boolean({ default: false, description: "Allows AUTH=none on an address beyond this machine." }),
  JWT_SECRET: Type.String({ default: "", description: "Key of HS256 tokens, at least 32 bytes." }),
  JWKS_URL: Type.String({ default: "", description: "URL of the public keys of RS256, ES256 and EdDSA tokens." }),
  JWT_ISSUER: Type.String({ default: "", description: "Required iss of a token." }),
  JWT_AUDIENCE: Type.String({ default: "", description: "Required aud of a token." }),
  EDGE_SECRET: Type.String({
    default: "",
    description: "Secret shared by edges and persistence; required with JWKS_URL, else from JWT_SECRET.",
  }),
});

/** A deployment that sets one of these expects tokens to be required. */
const ONLY_WITH_JWT = ["JWT_SECRET", "JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE"] as const;

export interface JwtSettings {
  readonly mode: "jwt";
  readonly key: { readonly secret: Uint8Array } | { readonly jwksUrl: URL };
  readonly issuer: string | undefined;
  readonly audience: string | undefined;
  /** The bearer token of an edge's own requests to persistence. It is no JWT, and edges refuse it from clients. */
  readonly edgeToken: string;
}

export type AuthSettings = { readonly mode: "none" } | JwtSettings;

/**
 * Reads the settings that both services share. Each service checks every token itself.
 * @param host the address that the service listens on
 * @throws ConfigError, also for AUTH=none beyond loopback without ALLOW_ANONYMOUS, and for AUTH=none with settings for tokens
 */
export function readAuthSettings(host: string, env: NodeJS.ProcessEnv = process.env): AuthSettings {
  const e = readConfig(AuthEnvironment, env);
  if (e.AUTH === "none") {
    const unused = ONLY_WITH_JWT.find((variable) => e[variable] !== "");
    if (unused) throw new ConfigError(`${unused} has no effect with AUTH=none: set AUTH=jwt, or remove it.`);
    if (!isLoopback(host) && !e.ALLOW_ANONYMOUS) {
      throw new ConfigError(
        `HOST=${host} with AUTH=none lets everyone who reaches this address read and write in every room, under any name. Set AUTH=jwt, or ALLOW_ANONYMOUS=true if you intend this.`,
      );
    }
    return { mode: "none" };
  }
  return {
    mode: "jwt",
    key: keyOf(e.JWT_SECRET, e.JWKS_URL),
    issuer: e.JWT_ISSUER || undefined,
    audience: e.JWT_AUDIENCE || undefined,
    edgeToken: edgeTokenOf(e.EDGE_SECRET, e.JWT_SECRET),
  };
}

/** Whether an address is reachable from this machine only. Of names, only `localhost` is; names are not resolved. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function keyOf(secret: string, jwksUrl: string): JwtSettings["key"] {
  if ((secret === "") === (jwksUrl === "")) {
    throw new ConfigError("AUTH=jwt needs either JWT_SECRET (HS256) or JWKS_URL (RS256, ES256, EdDSA), and not both.");
  }
  if (jwksUrl === "") return { secret: secretBytes("JWT_SECRET", secret) };
  const url = URL.canParse(jwksUrl) ? new URL(jwksUrl) : undefined;
  // An attacker that can change the keys in transit can forge every identity.
  if (!url || (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname)))) {
    throw new ConfigError("The environment variable JWKS_URL must be an https:// URL.");
  }
  return { jwksUrl: url };
}

function edgeTokenOf(edgeSecret: string, jwtSecret: string): string {
  if (edgeSecret === "" && jwtSecret === "") {
    throw new ConfigError("JWKS_URL also needs EDGE_SECRET, the same on edges and persistence services.");
  }
  const secret = edgeSecret === "" ? secretBytes("JWT_SECRET", jwtSecret) : secretBytes("EDGE_SECRET", edgeSecret);
  return createHmac("sha256", secret).update("madang: an edge asks persistence").digest("base64url");
}

function secretBytes(variable: string, secret: string): Uint8Array {
  const bytes = Buffer.from(secret, "utf8");
  if (bytes.length < SECRET_MIN_BYTES) {
    throw new ConfigError(`The environment variable ${variable} must have at least ${SECRET_MIN_BYTES} bytes.`);
  }
  return bytes;
}
