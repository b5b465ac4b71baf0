import { readFileSync } from "node:fs";
import { envSchema, type JSONSchemaType } from "env-schema";
import type { Static, TObject } from "typebox";
import { OperatorError } from "./operator-error.ts";

/** A setting that cannot be used. */
export class ConfigError extends OperatorError {}

/** As much of a validation error and of a variable's schema as a message needs. */
interface Invalid {
  readonly instancePath?: string;
  readonly message?: string;
  readonly params?: { readonly missingProperty?: string };
}
interface Choice {
  readonly anyOf?: readonly { readonly const?: unknown }[];
}

/**
 * Reads settings from the environment by a schema: each has a default, a type and a description there. An empty variable
 * counts as none: that is how Compose files and charts pass on what nobody has set.
 * @throws ConfigError naming the variable and what it may be, never its value (it may be a secret)
 */
export function readConfig<S extends TObject>(schema: S, env: NodeJS.ProcessEnv = process.env): Static<S> {
  try {
    return envSchema<Static<S>>({
      schema: schema as unknown as JSONSchemaType<Static<S>>,
      data: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== "")),
      dotenv: false,
      env: false,
    });
  } catch (error) {
    const first = (error as { errors?: Invalid[] }).errors?.[0];
    if (!first) throw error;
    const missing = first.params?.missingProperty;
    if (missing !== undefined) throw new ConfigError(`The environment variable ${missing} is missing.`);
    const name = first.instancePath?.slice(1) ?? "";
    const choices = (schema.properties[name] as Choice | undefined)?.anyOf?.map((choice) => choice.const);
    throw new ConfigError(
      `The environment variable ${name} ${choices ? `must be one of ${choices.join(", ")}` : first.message}.`,
    );
  }
}

/**
 * A comma-separated list of URLs; one without a scheme has the first of these.
 * @throws ConfigError naming the variable, never its value
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

/** @returns the path, or undefined for an empty one. @throws ConfigError naming the variable */
export function readablePath(variable: string, path: string): string | undefined {
  if (path === "") return undefined;
  try {
    // Not only asked for: a folder may be read, too, and is no file.
    readFileSync(path);
    return path;
  } catch {
    throw new ConfigError(`The environment variable ${variable} names a file that cannot be read.`);
  }
}
