import { contentOf } from "./content.ts";
import { type Person, whoOf } from "./rules.ts";

/** Whether the stored bytes of two events with one publish id are one send: the same sender and the same content. */
export function isSameSend(a: Uint8Array, b: Uint8Array): boolean {
  const [one, two] = [parse(a), parse(b)];
  return one !== undefined && two !== undefined && whoOf(one) === whoOf(two) && contentOf(one) === contentOf(two);
}

function parse(stored: Uint8Array): Person | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(stored));
    return typeof value === "object" && value !== null ? (value as Person) : undefined;
  } catch {
    return undefined;
  }
}
