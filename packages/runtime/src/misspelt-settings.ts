import leven, { closestMatch } from "leven";
import type { TObject } from "typebox";
import type { Logger } from "./logger.ts";

/** Edits (an inserted, removed or replaced character) by which a misspelt name may differ. */
const MAX_EDITS = 2;
/** In a name this short, two edits reach unrelated names: `HOME` is two from `HOST`. */
const SHORT_NAME_CHARACTERS = 5;
/** Names near ours that other common software reads: `MONGO_URL` is Meteor's. */
const OTHER_SOFTWARE: ReadonlySet<string> = new Set(["MONGO_URL", "OAUTH"]);

export interface MisspeltSetting {
  readonly variable: string;
  readonly nearest: string;
}

/**
 * Finds environment variables that no schema knows and that resemble a name of one: at most two edits away, or for names of
 * up to five characters one edit or two swapped neighbours. Upper and lower case count as equal.
 */
export function findMisspeltSettings(
  schemas: readonly TObject[],
  env: NodeJS.ProcessEnv = process.env,
): MisspeltSetting[] {
  const known = schemas.flatMap((schema) => Object.keys(schema.properties));
  return Object.keys(env).flatMap((variable) => {
    if (known.includes(variable) || OTHER_SOFTWARE.has(variable)) return [];
    const name = variable.toUpperCase();
    const nearest = closestMatch(
      name,
      known.filter((candidate) => isNear(name, candidate)),
    );
    return nearest === undefined ? [] : [{ variable, nearest }];
  });
}

/** Logs a warning for each misspelt setting. The value is never logged: it may be a secret. */
export function warnAboutMisspeltSettings(
  log: Pick<Logger, "warn">,
  schemas: readonly TObject[],
  env: NodeJS.ProcessEnv = process.env,
): void {
  for (const setting of findMisspeltSettings(schemas, env)) log.warn({ ...setting }, describeMisspelt(setting));
}

/** The warning for an operator, in one line. */
export function describeMisspelt({ variable, nearest }: MisspeltSetting): string {
  return `unknown setting ${variable} is ignored: did you mean ${nearest}?`;
}

function isNear(name: string, candidate: string): boolean {
  const edits = leven(name, candidate);
  if (candidate.length > SHORT_NAME_CHARACTERS) return edits <= MAX_EDITS;
  return edits <= 1 || (edits === 2 && hasSameCharacters(name, candidate));
}

/** Of two names that are two edits apart, this is true where two characters are swapped. */
function hasSameCharacters(a: string, b: string): boolean {
  return [...a].sort().join() === [...b].sort().join();
}
