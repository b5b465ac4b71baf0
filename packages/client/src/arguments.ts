/**
 * Checks of argument types, for callers without TypeScript: a mistake fails at the call, not later in a connection or a
 * listener. The server judges names, texts and positions.
 */
type Kind = "function" | "object" | "string";

/** @throws TypeError if `value` is not of the kind. `name` is how the caller knows the argument */
export function requireKind(kind: Kind, value: unknown, name: string): void {
  if (typeof value === kind && value !== null) return;
  throw new TypeError(`${name} must be ${kind === "object" ? "an" : "a"} ${kind}, not ${nameOf(value)}.`);
}

/** Like {@link requireKind}, for an optional argument. */
export function allowKind(kind: Kind, value: unknown, name: string): void {
  if (value !== undefined) requireKind(kind, value, name);
}

/** Checks an optional bound: 0 allows nothing, Infinity everything. @throws TypeError for anything but a number from 0 */
export function allowBound(value: unknown, name: string): void {
  if (value === undefined || (typeof value === "number" && value >= 0)) return;
  throw new TypeError(`${name} must be a number from 0, not ${typeof value === "number" ? value : nameOf(value)}.`);
}

function nameOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : `a ${typeof value}`.replace(/^a (?=o)/, "an ");
}
