import { envSchema, type JSONSchemaType } from "env-schema";
import type { Static, TObject } from "typebox";

/** A setting that cannot be used. `main` prints its message, without a stack, and exits with 1. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ConfigError";
  }
}

/**
 * Reads settings from the environment by a schema: each has a default, a type and a description there.
 * @throws ConfigError naming the variable and what it may be, never its value (it may be a secret)
 */
export function readConfig<S extends TObject>(schema: S, env: NodeJS.ProcessEnv = process.env): Static<S> {
  try {
    return envSchema<Static<S>>({
      schema: schema as unknown as JSONSchemaType<Static<S>>,
      data: env,
      dotenv: false,
      env: false,
    });
  } catch (error) {
    const first = (
      error as { errors?: { instancePath?: string; message?: string; params?: { missingProperty?: string } }[] }
    ).errors?.[0];
    if (!first) throw error;
    const name = first.params?.missingProperty ?? first.instancePath?.slice(1) ?? "";
    throw new ConfigError(
      `The environment variable ${name} ${first.params?.missingProperty ? "is missing" : (first.message ?? "is not valid")}.`,
    );
  }
}
