/** What this browser remembers of its visitor. Where storage is forbidden or full, nothing: they type it again. */

import type { MadangErrorCode, PendingSend } from "@madang/client";
import { parsePosition } from "@madang/protocol/browser";
import { compare } from "./position-order.ts";

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

/** A message that was refused for good, and why. */
export type FailedSend = PendingSend & { readonly code: MadangErrorCode };

/** What a tab could not send in a room and its visitor neither sent again nor discarded: a reload keeps it, as a draft. */
export class FailedSends {
  readonly #key: string;
  readonly #sends = new Map<string, FailedSend>();
  #due = false;

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
    this.#keep();
  }

  /** It has been stored after all, or is not wanted any more. */
  drop(nonce: string): void {
    if (this.#sends.delete(nonce)) this.#keep();
  }

  /** Once for all that fail together: a connection that is refused gives up whatever waits. */
  #keep(): void {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
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

/** A storage that is damaged, or forbidden later on, throws only here. */
function read(key: string): string | undefined {
  try {
    return localStore()?.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}
