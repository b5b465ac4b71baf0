import { isLogEvent, type Person, whoOf } from "@madang/protocol";

/** Whether an event's bytes are by or about a person. Also looks at events that this version cannot read. */
export function isBy(data: Uint8Array, person: Person): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString("utf8"));
    if (isLogEvent(value)) return value.type !== "room" && whoOf(value) === whoOf(person);
    const { user, userId } = (value ?? {}) as Partial<Person>;
    return person.userId === undefined ? user === person.user && userId === undefined : userId === person.userId;
  } catch {
    return false;
  }
}
