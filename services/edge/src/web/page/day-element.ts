import { make } from "./dom.ts";
import { dayWords } from "./words.ts";

/** The date above a line with which a day begins. */
export class DayElement {
  readonly #line: HTMLElement;
  #day: HTMLElement | undefined;

  constructor(line: HTMLElement) {
    this.#line = line;
  }

  /** Where the line and what belongs to it begin. */
  get start(): HTMLElement {
    return this.#day ?? this.#line;
  }

  /** @param at ISO 8601; `undefined`: the line begins no day */
  show(at: string | undefined): void {
    if (at !== undefined && !this.#day) {
      this.#day = make("p", { className: "day" }, make("time", { dateTime: at }, dayWords(at)));
      this.#line.before(this.#day);
    } else if (at === undefined) {
      this.#day?.remove();
      this.#day = undefined;
    }
  }
}
