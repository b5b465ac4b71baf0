import { make } from "./dom.ts";
import { dayWords } from "./localized-text.ts";

/** The date above a line with which a day begins. */
export class DayElement {
  readonly #line: HTMLElement;
  #day: HTMLElement | undefined;
  #at: string | undefined;

  constructor(line: HTMLElement) {
    this.#line = line;
  }

  /** Where the line and what belongs to it begin. */
  get start(): HTMLElement {
    return this.#day ?? this.#line;
  }

  /** @param at ISO 8601, another one when the server knows better than the visitor's clock; `undefined`: the line begins no day */
  show(at: string | undefined): void {
    if (at === this.#at) return;
    this.#at = at;
    this.#day?.remove();
    this.#day =
      at === undefined ? undefined : make("p", { className: "day" }, make("time", { dateTime: at }, dayWords(at)));
    if (this.#day) this.#line.before(this.#day);
  }
}
