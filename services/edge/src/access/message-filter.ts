import type { Person } from "@madang/protocol";

/** Decides which texts are allowed. The edge asks it before it stores a message; it must be quick and never throw. */
export interface MessageFilter {
  allows(message: string, room: string, person: Person): boolean;
}

export const NO_FILTER: MessageFilter = { allows: () => true };
