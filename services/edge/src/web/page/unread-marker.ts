import type { Follow } from "./auto-scroll.ts";
import type { LogView } from "./log-view.ts";
import { compare } from "./position-order.ts";
import { onSeen, rememberSeen, seen } from "./visitor-storage.ts";

/**
 * Where what this person has not seen yet begins: while the tab was hidden, while they read further up, since they were
 * last here. A line stands there until it was in sight and they look away, or until they say something. What is seen is
 * remembered by the browser, for all its tabs; where it keeps nothing, by this page.
 */
export class Unread {
  readonly #room: string;
  readonly #view: LogView;
  readonly #follow: Follow;
  /** Position of the newest that the page has been told. */
  readonly #newest: () => string | undefined;
  readonly #sight: IntersectionObserver;
  /** All up to here has been seen. `undefined` until there is any history. */
  #mark: string | undefined;
  #shown = false;
  #inSight = false;

  constructor(room: string, log: HTMLElement, view: LogView, follow: Follow, newest: () => string | undefined) {
    this.#room = room;
    this.#view = view;
    this.#follow = follow;
    this.#newest = newest;
    this.#sight = new IntersectionObserver(
      (entries) => {
        // Of a hidden tab nobody sees anything.
        if (entries.at(-1)?.isIntersecting && !document.hidden) this.#inSight = true;
      },
      { root: log },
    );
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#lookAway() : this.#watch()));
    addEventListener("pagehide", () => this.#lookAway());
    onSeen(room, (position) => this.#seenElsewhere(position));
  }

  /** History is on the page, at first or anew. */
  begin(): void {
    if (this.#mark !== undefined) return this.#shown ? this.#divide() : this.told(false);
    this.#mark = seen(this.#room) ?? this.#newest();
    this.#divide();
  }

  /** A message has come. `own`: this person said it, here or elsewhere; they saw what was there before, or will be told. */
  told(own: boolean): void {
    if (this.#mark === undefined || this.#shown) return;
    if (own || (this.#follow.atEnd && !document.hidden)) this.#mark = this.#newest();
    else this.#divide();
  }

  /** They say something here: who answers has read. */
  said(): void {
    this.#clear();
  }

  /** Of a page whose end is cut off, what is new may be below that: the line comes with it. */
  #divide(): void {
    this.#shown = this.#view.divide(this.#mark) || this.#follow.cut;
    if (this.#shown) this.#watch();
    else this.#clear();
  }

  #clear(): void {
    this.#mark &&= this.#newest() ?? this.#mark;
    this.#shown = this.#inSight = this.#view.divide(undefined);
    this.#sight.disconnect();
  }

  /** An observer tells of changes only; what was in sight of nobody may be now. */
  #watch(): void {
    this.#sight.disconnect();
    if (this.#shown) this.#sight.observe(this.#view.news);
  }

  #lookAway(): void {
    if (this.#inSight && this.#follow.atEnd) this.#clear();
    if (this.#mark !== undefined) rememberSeen(this.#room, this.#mark);
  }

  #seenElsewhere(position: string): void {
    if (this.#mark === undefined || compare(position, this.#mark) <= 0) return;
    this.#mark = position;
    if (this.#shown) this.#divide();
  }
}
