import { type Action, Permissions } from "./permissions.ts";

/** Who somebody is, as far as this system knows. */
export interface Identity {
  /** The token's subject; `undefined` where nobody has to prove anything. */
  readonly userId: string | undefined;
  /** The name shown to others; `undefined`: each chooses a nickname. */
  readonly name: string | undefined;
  /** Milliseconds since 1970 until which this holds. */
  readonly expiresAt: number;
  readonly permissions: Pick<Permissions, "allow" | "namedRooms" | "hasPattern">;
}

const TALK = new Permissions([{ pattern: "*", can: ["read", "write"] }]);

/** `AUTH=none`: everybody reads and writes everywhere, under any nickname; nobody moderates. */
export const ANYONE: Identity = {
  userId: undefined,
  name: undefined,
  expiresAt: Number.POSITIVE_INFINITY,
  permissions: TALK,
};

/** An edge that asks persistence for itself: for a replay that many share, or a page that it checked already. */
export const EDGE: Identity = { ...ANYONE, userId: "madang:edge" };

/** The one question about rights, asked at every door of a room. `room` is a canonical name. */
export function may(identity: Identity, room: string, action: Action): boolean {
  return identity.permissions.allow(room, action);
}
