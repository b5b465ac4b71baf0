import { make } from "./dom.ts";
import { formatDay } from "./localized-text.ts";

/** The date above the first line of a day. */
export class DayDivider {
  readonly #line: HTMLElement;
  #element: HTMLElement | undefined;
  #at: string | undefined;

  constructor(line: HTMLElement) {
    this.#line = line;
  }

  /** The first element of the line: the date, or else the line itself. */
  get start(): HTMLElement {
    return this.#element ?? this.#line;
  }

  /** @param at ISO 8601; it can change once the server's time is known. `undefined`: the line is not the day's first */
  show(at: string | undefined): void {
    if (at === this.#at) return;
    this.#at = at;
    this.#element?.remove();
    this.#element =
      at === undefined ? undefined : make("p", { className: "day" }, make("time", { dateTime: at }, formatDay(at)));
    if (this.#element) this.#line.before(this.#element);
  }
}
