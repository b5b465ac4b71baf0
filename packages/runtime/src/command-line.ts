import { type ParseArgsConfig, parseArgs } from "node:util";
import { OperatorError } from "./operator-error.ts";

/** A command line that cannot be used. The process exits with code 2. */
export class UsageError extends OperatorError {
  constructor(message: string) {
    super(`${message} See --help.`, 2);
  }
}

/** The `--help` option that every command has, for {@link readArguments}. */
export const HELP_OPTION = { type: "boolean", short: "h" } as const;

/** Like `parseArgs` of Node. @throws UsageError */
export function readArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    // The later sentences explain arguments that begin with a dash. No command here takes such arguments.
    throw new UsageError(`${(error as Error).message.split(". ")[0]!.replace(/\.$/, "")}.`);
  }
}

/** Reads a number from `min` to `max`, or `byDefault` for an option that is not given. @throws UsageError */
export function numberOption(
  name: string,
  text: string | undefined,
  { byDefault, min, max, whole = false }: { byDefault: number; min: number; max: number; whole?: boolean },
): number {
  if (text === undefined) return byDefault;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
  throw new UsageError(`--${name} takes a ${whole ? "whole " : ""}number from ${min} to ${max}.`);
}

/** Reads comma-separated names of items in `all`, or `byDefault` for an option that is not given. @throws UsageError */
export function namedOption<T extends { readonly name: string }>(
  name: string,
  text: string | undefined,
  all: readonly T[],
  byDefault: readonly T[] = all,
): readonly T[] {
  if (text === undefined) return byDefault;
  return text.split(",").map((part) => {
    const found = all.find((one) => one.name === part.trim());
    if (found) return found;
    throw new UsageError(`Unknown ${name} "${part.trim()}". Choose from ${all.map((one) => one.name).join(", ")}.`);
  });
}
