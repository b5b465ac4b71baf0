import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { envSchema, type JSONSchemaType } from "env-schema";
import type { Static, TObject } from "typebox";
import { OperatorError } from "./operator-error.ts";

/** A setting that cannot be used. The message names the variable. */
export class ConfigError extends OperatorError {}

/** The parts of a validation error and of a variable's schema that a message needs. */
interface Invalid {
  readonly instancePath?: string;
  readonly message?: string;
  readonly params?: { readonly missingProperty?: string };
}
interface Setting {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly { readonly const?: unknown }[];
  readonly examples?: readonly unknown[];
}

const SHOWN_CHARACTERS = 40;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Reads settings from the environment by a schema with a default, a type and a description for each. An empty variable
 * counts as not set: Compose files and charts pass on unset variables as empty ones.
 * @throws ConfigError with the variable and its allowed values. It shows the value of a number or a choice, and no other
 *   value, because that may be a secret
 */
export function readConfig<S extends TObject>(schema: S, env: NodeJS.ProcessEnv = process.env): Static<S> {
  const settings = schema.properties as Record<string, Setting>;
  try {
    const config = envSchema<Static<S>>({
      schema: schema as unknown as JSONSchemaType<Static<S>>,
      data: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== "")),
      dotenv: false,
      env: false,
    });
    for (const [name, value] of Object.entries(config)) {
      // JavaScript rounds larger numbers.
      if (typeof value === "number" && !Number.isSafeInteger(value))
        throw refused(name, env[name] ?? "", settings[name]!);
    }
    return config;
  } catch (error) {
    const first = (error as { errors?: Invalid[] }).errors?.[0];
    if (!first) throw error;
    const missing = first.params?.missingProperty;
    if (missing !== undefined) throw new ConfigError(`The environment variable ${missing} is missing.`);
    const name = first.instancePath?.slice(1) ?? "";
    throw refused(name, env[name] ?? "", settings[name] ?? {}, first.message);
  }
}

function refused(name: string, value: string, setting: Setting, byDefault = ""): ConfigError {
  const { type, minimum, maximum = Number.MAX_SAFE_INTEGER, anyOf, examples } = setting;
  if (anyOf) return badValue(name, `one of ${anyOf.map((choice) => choice.const).join(", ")}`, value);
  if (type === "boolean") return badValue(name, "true or false", value);
  if (type === "integer") return badValue(name, `a whole number from ${minimum} to ${maximum}`, value);
  const allowed = examples ? `must be like ${examples.join(" or ")}` : byDefault;
  return new ConfigError(`The environment variable ${name} ${allowed}.`);
}

/** Shows the value: only for a variable that cannot be a secret. */
export function badValue(variable: string, allowed: string, value: string): ConfigError {
  const shown = value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}…` : value;
  return new ConfigError(`The environment variable ${variable} must be ${allowed}, and is ${JSON.stringify(shown)}.`);
}

/**
 * Reads comma-separated URLs. A URL without a scheme gets the first of `schemes`.
 * @throws ConfigError with the name of the variable, never its value
 */
export function readUrls(variable: string, text: string, schemes: readonly string[]): string[] {
  return text.split(",").map((part) => {
    const url = part.includes("://") ? part.trim() : `${schemes[0]}://${part.trim()}`;
    const { protocol, hostname } = URL.canParse(url) ? new URL(url) : { protocol: "", hostname: "" };
    if (hostname !== "" && schemes.includes(protocol.slice(0, -1))) return url;
    throw new ConfigError(
      `The environment variable ${variable} must be ${schemes.map((scheme) => `${scheme}://`).join(" or ")} URLs, separated by commas.`,
    );
  });
}

/** Reads the file that a variable names. @throws ConfigError with the variable, the file and the error code */
export function readSettingsFile(variable: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? "unknown";
    throw new ConfigError(`The environment variable ${variable} names a file that cannot be read: ${path} (${why}).`);
  }
}

/**
 * Checks a file of CA certificates in PEM at start. Otherwise a bad file would only fail each attempt to connect.
 * @returns the path, or undefined for an empty one
 * @throws ConfigError with the variable and the file
 */
export function certificatePath(variable: string, path: string): string | undefined {
  if (path === "") return undefined;
  const certificates = readSettingsFile(variable, path).match(PEM_CERTIFICATE) ?? [];
  try {
    if (certificates.length === 0) throw new Error("none");
    for (const certificate of certificates) new X509Certificate(certificate);
    return path;
  } catch {
    throw new ConfigError(
      `The environment variable ${variable} names a file that has no valid PEM certificate: ${path}.`,
    );
  }
}
