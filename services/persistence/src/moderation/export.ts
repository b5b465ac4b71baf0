import { type Person, type Rule, whoOf } from "@madang/protocol";
import type { AdminStore } from "../store/admin-store.ts";

/**
 * What is kept of a person, one JSON object a line: the bans and mutes that there are, then what they said.
 * @param rules all that there are, about anybody
 */
export async function* exportPerson(
  store: Pick<AdminStore, "messagesOf">,
  rules: readonly Rule[],
  person: Person,
): AsyncGenerator<string> {
  for (const rule of rules) {
    if (rule.kind === "member" && whoOf(rule) === whoOf(person)) yield `${JSON.stringify(rule)}\n`;
  }
  for await (const message of store.messagesOf(person)) yield `${JSON.stringify({ kind: "message", ...message })}\n`;
}
