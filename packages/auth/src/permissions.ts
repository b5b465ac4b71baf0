/**
 * Rights in a room. They are independent: a webhook may write where it cannot read, and a moderator needs "write" to send
 * messages.
 */
export const ACTIONS = ["read", "write", "moderate"] as const;
export type Action = (typeof ACTIONS)[number];

/** Rights in one room by its name, or in rooms by a pattern in which `*` matches any characters, or none. */
export interface Grant {
  readonly name?: string;
  readonly pattern?: string;
  readonly can: readonly Action[];
}

/** The rights of one identity, by room. */
export class Permissions {
  readonly #byName = new Map<string, Set<Action>>();
  readonly #byPattern: { readonly pattern: string; readonly can: ReadonlySet<Action> }[] = [];

  constructor(grants: readonly Grant[]) {
    for (const { name, pattern, can } of grants) {
      if (name !== undefined) {
        const room = name.normalize("NFC");
        this.#byName.set(room, new Set([...(this.#byName.get(room) ?? []), ...can]));
      }
      if (pattern !== undefined) this.#byPattern.push({ pattern: pattern.normalize("NFC"), can: new Set(can) });
    }
  }

  /** @param room a canonical room name */
  allow(room: string, action: Action): boolean {
    if (this.#byName.get(room)?.has(action)) return true;
    return this.#byPattern.some(({ pattern, can }) => can.has(action) && matches(pattern, room));
  }

  /** The rooms granted by their exact names for an action, in the order of the grants. */
  namedRooms(action: Action): string[] {
    return [...this.#byName].flatMap(([room, can]) => (can.has(action) ? [room] : []));
  }

  /** Whether some pattern grants an action, so that further rooms may be allowed. */
  hasPattern(action: Action): boolean {
    return this.#byPattern.some(({ can }) => can.has(action));
  }
}

/** Glob match in at most |pattern| × |room| steps. A regular expression made of a token could take exponential time. */
export function matches(pattern: string, room: string): boolean {
  let p = 0;
  let r = 0;
  let star = -1;
  let resumeAt = 0;
  while (r < room.length) {
    if (pattern[p] === "*") {
      star = p++;
      resumeAt = r;
    } else if (pattern[p] === room[r]) {
      p++;
      r++;
    } else if (star >= 0) {
      // The last star matches one more character.
      p = star + 1;
      r = ++resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}
