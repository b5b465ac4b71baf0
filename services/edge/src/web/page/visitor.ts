/** What this browser remembers of its visitor. Where storage is forbidden or full, nothing: they type it again. */

const NICKNAME_KEY = "madang:nickname";
const ROOMS_KEY = "madang:rooms";
const ROOMS_MAX = 8;

/** `localStorage`, or `undefined` where the visitor forbids it (reading the property then throws). */
export function localStore(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

export function nickname(): string {
  return read(NICKNAME_KEY) ?? "";
}

/** Rooms visited, the last one first. */
export function visitedRooms(): string[] {
  try {
    const rooms: unknown = JSON.parse(read(ROOMS_KEY) ?? "[]");
    return Array.isArray(rooms) ? rooms.filter((room) => typeof room === "string").slice(0, ROOMS_MAX) : [];
  } catch {
    return [];
  }
}

export function rememberVisit(room: string, user: string): void {
  const rooms = [room, ...visitedRooms().filter((other) => other !== room)].slice(0, ROOMS_MAX);
  try {
    localStore()?.setItem(NICKNAME_KEY, user);
    localStore()?.setItem(ROOMS_KEY, JSON.stringify(rooms));
  } catch {
    // Full.
  }
}

/** A storage that is damaged, or forbidden later on, throws only here. */
function read(key: string): string | undefined {
  try {
    return localStore()?.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}
