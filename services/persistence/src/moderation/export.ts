import { type Person, type Rule, whoOf } from "@madang/protocol";
import type { MessageSearch } from "../store/message-search.ts";

/**
 * Yields everything that is stored about a person, as one JSON object a line: first their bans and mutes, then their
 * messages.
 * @param rules all rules, about any person or room
 */
export async function* exportPerson(
  search: Pick<MessageSearch, "messagesBy">,
  rules: readonly Rule[],
  person: Person,
): AsyncGenerator<string> {
  for (const rule of rules) {
    if (rule.kind === "member" && whoOf(rule) === whoOf(person)) yield `${JSON.stringify(rule)}\n`;
  }
  for await (const message of search.messagesBy(person)) yield `${JSON.stringify({ kind: "message", ...message })}\n`;
}
