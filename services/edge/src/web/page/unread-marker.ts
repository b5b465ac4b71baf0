import type { AutoScroll } from "./auto-scroll.ts";
import type { LogView } from "./log-view.ts";
import { comparePositions } from "./position-order.ts";
import { onSeenElsewhere, rememberSeen, seenPosition } from "./visitor-storage.ts";

/**
 * Marks the first message that this person has not seen: one that came while the tab was hidden, while they read further
 * up, or since their last visit. The divider stays until it was visible and they look away, or until they write. The
 * browser remembers the last seen position for all its tabs, or only this page does where storage is forbidden.
 */
export class UnreadMarker {
  readonly #room: string;
  readonly #view: LogView;
  readonly #scroll: AutoScroll;
  /** Position of the newest event that the page knows. */
  readonly #newest: () => string | undefined;
  readonly #observer: IntersectionObserver;
  /** The last position that was seen. `undefined` until history has come. */
  #seen: string | undefined;
  #shown = false;
  #wasVisible = false;

  constructor(room: string, log: HTMLElement, view: LogView, scroll: AutoScroll, newest: () => string | undefined) {
    this.#room = room;
    this.#view = view;
    this.#scroll = scroll;
    this.#newest = newest;
    this.#observer = new IntersectionObserver(
      (entries) => {
        // In a hidden tab nothing is seen.
        if (entries.at(-1)?.isIntersecting && !document.hidden) this.#wasVisible = true;
      },
      { root: log },
    );
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#onLeave() : this.#observe()));
    addEventListener("pagehide", () => this.#onLeave());
    onSeenElsewhere(room, (position) => this.#onSeenElsewhere(position));
  }

  /** History is on the page, for the first time or again. */
  begin(): void {
    if (this.#seen !== undefined) return this.#shown ? this.#showDivider() : this.messageAdded(false);
    this.#seen = seenPosition(this.#room) ?? this.#newest();
    this.#showDivider();
  }

  /** A message came. `own`: this person wrote it, here or in another tab, and so has seen the earlier ones. */
  messageAdded(own: boolean): void {
    if (this.#seen === undefined || this.#shown) return;
    if (own || (this.#scroll.atEnd && !document.hidden)) this.#seen = this.#newest();
    else this.#showDivider();
  }

  /** Removes the divider, because the person writes and so has read. */
  clear(): void {
    this.#seen &&= this.#newest() ?? this.#seen;
    this.#shown = this.#wasVisible = this.#view.showUnread(undefined);
    this.#observer.disconnect();
  }

  /** When the page is truncated, the first unread message may be below its end: the divider comes with it. */
  #showDivider(): void {
    this.#shown = this.#view.showUnread(this.#seen) || this.#scroll.truncated;
    if (this.#shown) this.#observe();
    else this.clear();
  }

  /** Observes anew, because an observer reports changes only and the divider may be visible already. */
  #observe(): void {
    this.#observer.disconnect();
    if (this.#shown) this.#observer.observe(this.#view.unreadLine);
  }

  #onLeave(): void {
    if (this.#wasVisible && this.#scroll.atEnd) this.clear();
    if (this.#seen !== undefined) rememberSeen(this.#room, this.#seen);
  }

  #onSeenElsewhere(position: string): void {
    if (this.#seen === undefined || comparePositions(position, this.#seen) <= 0) return;
    this.#seen = position;
    if (this.#shown) this.#showDivider();
  }
}
