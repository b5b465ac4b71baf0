/** What this browser remembers of its visitor. Where storage is forbidden or full, nothing: they type it again. */

import { parsePosition } from "@madang/protocol/browser";
import { compare } from "./order.ts";

const NICKNAME_KEY = "madang:nickname";
const ROOMS_KEY = "madang:rooms";
const ROOMS_MAX = 8;
const SEEN_KEY = "madang:seen";
const SEEN_MAX = 100;

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

/** Position up to which this browser's visitor has seen a room. */
export function seen(room: string): string | undefined {
  return seenRooms(read(SEEN_KEY)).get(room);
}

/** Of the rooms seen last; never goes back. */
export function rememberSeen(room: string, position: string): void {
  const rooms = seenRooms(read(SEEN_KEY));
  const known = rooms.get(room);
  rooms.delete(room);
  rooms.set(room, known !== undefined && compare(known, position) > 0 ? known : position);
  try {
    localStore()?.setItem(SEEN_KEY, JSON.stringify([...rooms].slice(-SEEN_MAX)));
  } catch {
    // Full.
  }
}

/** Tells what another tab of this browser remembers of a room. */
export function onSeen(room: string, listener: (position: string) => void): void {
  addEventListener("storage", ({ key, newValue }) => {
    const position = key === SEEN_KEY ? seenRooms(newValue ?? undefined).get(room) : undefined;
    if (position !== undefined) listener(position);
  });
}

function seenRooms(stored: string | undefined): Map<string, string> {
  try {
    const entries = JSON.parse(stored ?? "[]") as [string, string][];
    return new Map(entries.filter(([, position]) => parsePosition(position) !== undefined));
  } catch {
    return new Map();
  }
}

/** What this tab has not sent yet of what was typed in a room: a reload, or a phone that lets go of the tab, keeps it. */
export class Draft {
  readonly #key: string;

  constructor(room: string) {
    this.#key = `madang:draft:${room}`;
  }

  get(): string {
    try {
      return window.sessionStorage.getItem(this.#key) ?? "";
    } catch {
      return "";
    }
  }

  set(text: string): void {
    try {
      if (text === "") window.sessionStorage.removeItem(this.#key);
      else window.sessionStorage.setItem(this.#key, text);
    } catch {
      // Forbidden, or full.
    }
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
