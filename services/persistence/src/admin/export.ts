import type { Person, Rule } from "@madang/protocol";
import type { AdminStore } from "./admin-store.ts";

/** All that is kept of a person, one JSON object a line: rules about them, then what they said. */
export async function* exportPerson(
  store: Pick<AdminStore, "messagesOf">,
  rules: readonly Rule[],
  person: Person,
): AsyncGenerator<string> {
  for (const rule of rules) yield `${JSON.stringify(rule)}\n`;
  for await (const message of store.messagesOf(person)) yield `${JSON.stringify({ kind: "message", ...message })}\n`;
}
