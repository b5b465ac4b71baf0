/** Values that the browser keeps for the person. Where storage is forbidden or full, they are lost and nothing else fails. */

import type { MadangErrorCode, PendingSend } from "@madang/client";
import { parsePosition } from "@madang/protocol/browser";
import { comparePositions } from "./position-order.ts";

const NICKNAME_KEY = "madang:nickname";
const ROOMS_KEY = "madang:rooms";
const ROOMS_MAX = 8;
const SEEN_KEY = "madang:seen";
const SEEN_MAX = 100;

/** `localStorage`, or `undefined` where it is forbidden: reading the property then throws. */
export function localStore(): Storage | undefined {
  try {
    return window.localStorage;
  } catch {
    return undefined;
  }
}

export function lastNickname(): string {
  return read(NICKNAME_KEY) ?? "";
}

/** The rooms visited last, newest first. */
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

/** The position up to which the person has seen a room. */
export function seenPosition(room: string): string | undefined {
  return seenRooms(read(SEEN_KEY)).get(room);
}

/** Keeps the rooms seen last. A position never moves back. */
export function rememberSeen(room: string, position: string): void {
  const rooms = seenRooms(read(SEEN_KEY));
  const known = rooms.get(room);
  rooms.delete(room);
  rooms.set(room, known !== undefined && comparePositions(known, position) > 0 ? known : position);
  try {
    localStore()?.setItem(SEEN_KEY, JSON.stringify([...rooms].slice(-SEEN_MAX)));
  } catch {
    // Full.
  }
}

/** Calls the listener when another tab of this browser has seen more of a room. */
export function onSeenElsewhere(room: string, listener: (position: string) => void): void {
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

/** The unsent text of this tab in a room. It survives a reload, and a phone that discards the tab. */
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

/** A message that was refused for good, with the reason. */
export type FailedSend = PendingSend & { readonly code: MadangErrorCode };

/** Messages of this tab that failed, until the person sends them again or discards them. They survive a reload. */
export class FailedSends {
  readonly #key: string;
  readonly #sends = new Map<string, FailedSend>();
  #scheduled = false;

  constructor(room: string, user: string) {
    this.#key = `madang:failed:${JSON.stringify([room, user])}`;
    try {
      const kept = JSON.parse(window.sessionStorage.getItem(this.#key) ?? "[]") as FailedSend[];
      for (const send of kept) if (isFailedSend(send)) this.#sends.set(send.nonce, send);
    } catch {
      // Forbidden, or damaged.
    }
  }

  /** In the order in which they failed. */
  get all(): readonly FailedSend[] {
    return [...this.#sends.values()];
  }

  add(send: FailedSend): void {
    this.#sends.set(send.nonce, send);
    this.#save();
  }

  /** Removes a message that was stored after all, or discarded. */
  remove(nonce: string): void {
    if (this.#sends.delete(nonce)) this.#save();
  }

  /** Saves once for all messages that fail together, as when a connection is refused. */
  #save(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      try {
        if (this.#sends.size === 0) window.sessionStorage.removeItem(this.#key);
        else window.sessionStorage.setItem(this.#key, JSON.stringify(this.all));
      } catch {
        // Forbidden, or full.
      }
    });
  }
}

function isFailedSend(send: Partial<FailedSend> | null): boolean {
  return typeof send?.nonce === "string" && typeof send.text === "string" && typeof send.code === "string";
}

/** Reading throws where the storage is damaged, or was forbidden later. */
function read(key: string): string | undefined {
  try {
    return localStore()?.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}
