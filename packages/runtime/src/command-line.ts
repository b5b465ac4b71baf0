import { type ParseArgsConfig, parseArgs } from "node:util";
import { OperatorError } from "./operator-error.ts";

/** A wrong command line: exit code 2. */
export class UsageError extends OperatorError {
  constructor(message: string) {
    super(`${message} See --help.`, 2);
  }
}

/** The option that every command has, as {@link readArguments} takes it. */
export const HELP_OPTION = { type: "boolean", short: "h" } as const;

/** As `parseArgs` of Node. @throws UsageError */
export function readArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    // What follows the first sentence is about arguments that begin with a dash, of which there are none here.
    throw new UsageError(`${(error as Error).message.split(". ")[0]!.replace(/\.$/, "")}.`);
  }
}

/** The number of an option, `byDefault` where it was not given. @throws UsageError when it is not within the range */
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

/** Those of `all` that an option names, separated by commas; `byDefault` where it was not given. @throws UsageError */
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
    throw new UsageError(`There is no ${name} "${part.trim()}": ${all.map((one) => one.name).join(", ")}.`);
  });
}
