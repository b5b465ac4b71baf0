import { type Action, Permissions } from "./permissions.ts";

/** The identity of a client, and its rights. */
export interface Identity {
  /** The subject of the token. `undefined` with AUTH=none. */
  readonly userId: string | undefined;
  /** The name shown to others. `undefined`: the client chooses a nickname. */
  readonly name: string | undefined;
  /** The end of validity, in milliseconds since 1970. */
  readonly expiresAt: number;
  readonly permissions: Pick<Permissions, "allow" | "namedRooms" | "hasPattern">;
}

const TALK = new Permissions([{ pattern: "*", can: ["read", "write"] }]);

/** With AUTH=none every client reads and writes in all rooms, under any nickname, and none moderates. */
export const ANYONE: Identity = {
  userId: undefined,
  name: undefined,
  expiresAt: Number.POSITIVE_INFINITY,
  permissions: TALK,
};

/** An edge's own requests to persistence: for a replay that many share, or for a page after checking its reader. */
export const EDGE: Identity = { ...ANYONE, userId: "madang:edge" };

/** Whether an identity has a right in a room. Every access to a room asks this. @param room a canonical name */
export function may(identity: Identity, room: string, action: Action): boolean {
  return identity.permissions.allow(room, action);
}
