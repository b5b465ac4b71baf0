/**
 * What the types say of arguments, for who calls from JavaScript: said where the mistake is made, and not by a connection
 * that never comes to be, or by a listener that fails when the first message comes. What a server would judge (names,
 * texts, positions) is none of these.
 */
type Kind = "function" | "object" | "string";

/** @throws TypeError where `value` is not of the kind; `what` is how the caller knows it */
export function requireKind(kind: Kind, value: unknown, what: string): void {
  if (typeof value === kind && value !== null) return;
  throw new TypeError(`${what} is to be ${kind === "object" ? "an" : "a"} ${kind}, not ${nameOf(value)}.`);
}

/** As {@link requireKind}, for what may be left out. */
export function allowKind(kind: Kind, value: unknown, what: string): void {
  if (value !== undefined) requireKind(kind, value, what);
}

/** For a bound that may be left out: 0 allows nothing, Infinity all. @throws TypeError for what is no such number */
export function allowBound(value: unknown, what: string): void {
  if (value === undefined || (typeof value === "number" && value >= 0)) return;
  throw new TypeError(`${what} is to be a number from 0, not ${typeof value === "number" ? value : nameOf(value)}.`);
}

function nameOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : `a ${typeof value}`.replace(/^a (?=o)/, "an ");
}
