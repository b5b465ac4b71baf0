import type { PendingSend } from "@madang/client";
import { continues } from "../shared/grouping.ts";
import { make } from "./dom.ts";
import { MessageElement, type Stored } from "./message-element.ts";
import type { NoticeElement } from "./notice-element.ts";
import { compare } from "./position-order.ts";
import { dayWords, t } from "./localized-text.ts";

/** More than this makes a page slow on a phone; the oldest are loaded again when somebody scrolls there. */
const SHOWN_MAX = 1500;
const SHOWN_AFTER_TRIM = 1000;
/** So long a busy browser may take to look at what has changed, which it then reads out, or not, by what the log is then. */
const HUSH_MS = 500;

type Line = MessageElement | NoticeElement;

/**
 * The messages on the page, and what moderators did between them: what has a place in the log, in its order and each
 * once, whatever way it came (server-rendered, history, live); then this person's own messages that have none yet.
 */
export class LogView {
  readonly #log: HTMLElement;
  readonly #user: string;
  /** By position, ascending; then the pending ones, which have none. */
  readonly #lines: Line[];
  readonly #pending = new Map<string, MessageElement>();
  /** The line above what is new to this person. */
  readonly news = make("p", { className: "news-line" }, make("span", {}, t.news));
  #newsAfter: string | undefined;
  #newsAbove: Line | undefined;
  #hushed: number | undefined;

  constructor(log: HTMLElement, user: string) {
    this.#log = log;
    this.#user = user;
    this.#lines = Array.from(log.querySelectorAll<HTMLElement>(".message"), (root) => MessageElement.adopt(root));
    for (let i = 0; i < this.#lines.length; i++) this.#arrange(i);
    this.hush();
  }

  /** What is put onto the page now was said long ago: it is no news, and screen readers are not to read all of it out. */
  hush(): void {
    this.#log.setAttribute("aria-live", "off");
    clearTimeout(this.#hushed);
    this.#hushed = window.setTimeout(() => this.#log.setAttribute("aria-live", "polite"), HUSH_MS);
  }

  get empty(): boolean {
    return this.#lines.length === 0;
  }

  /** Position of the oldest message shown; `undefined` while none has a place in the log. */
  get oldest(): string | undefined {
    return this.#lines[0]?.position;
  }

  /** Position of the newest line that has one. */
  get newest(): string | undefined {
    return this.#lines.findLast(({ position }) => position !== undefined)?.position;
  }

  /** Shows a message at its place. One that is there already takes the state given. @returns whether it is new here */
  add(said: Stored): boolean {
    const own = said.user === this.#user;
    const pending = own && said.nonce !== undefined ? this.#takePending(said.nonce) : undefined;
    const index = this.#search(said.position);
    const known = this.#messageAt(index, said.position);
    if (known) pending?.remove();
    const message = known ?? pending ?? MessageElement.create(said.user, own);
    message.showStored(said);
    if (!known) this.#insert(index, message);
    return !known && !pending;
  }

  /** Shows a line that is no message at its place, once. */
  addNotice(notice: NoticeElement): void {
    const index = this.#search(notice.position);
    if (this.#lines[index]?.position !== notice.position) this.#insert(index, notice);
  }

  /** An edit or a deletion of the message at `position`; of one that is not shown it is none of the page's business. */
  amend(position: string, text: string | undefined): void {
    const message = this.#messageAt(this.#search(position), position);
    if (!message || message.deleted) return;
    if (text === undefined) message.showDeleted();
    else message.showText(text, true);
  }

  addPending({ nonce, text }: PendingSend): MessageElement {
    const known = this.#pending.get(nonce);
    const message = known ?? MessageElement.create(this.#user, true);
    message.showPending(text);
    if (!known) {
      this.#pending.set(nonce, message);
      this.#insert(this.#lines.length, message);
    }
    return message;
  }

  /** A pending message was stored at `position`. Its event follows, unless the page is past that position already. */
  settle(nonce: string, position: string): void {
    const last = this.newest;
    if (last !== undefined && compare(position, last) <= 0) this.dropPending(nonce);
    else this.#pending.get(nonce)?.showSent();
  }

  dropPending(nonce: string): void {
    this.#takePending(nonce)?.remove();
    this.#arrange(this.#lines.length - 1);
  }

  /** Forgets what is older than `position`, where something may be missing in between. */
  dropBefore(position: string): void {
    this.#dropFirst(this.#search(position));
  }

  /**
   * Draws the line above the first message that somebody else said after `position`, and keeps it there whatever comes
   * in between. `undefined`: no line. @returns whether there is such a message
   */
  divide(position: string | undefined): boolean {
    this.#newsAfter = position;
    this.#placeNews();
    return this.#newsAbove !== undefined;
  }

  get crowded(): boolean {
    return this.#lines.length > SHOWN_MAX;
  }

  /** Keeps the page light: forgets the oldest. */
  trim(): void {
    this.#dropFirst(this.#lines.length - SHOWN_AFTER_TRIM);
  }

  /** Keeps the page light for who reads at its upper end: forgets the newest that have a place. */
  trimEnd(): void {
    for (const line of this.#lines.splice(SHOWN_AFTER_TRIM, this.#placed - SHOWN_AFTER_TRIM)) line.remove();
    this.#arrange(SHOWN_AFTER_TRIM);
    this.#placeNews();
  }

  /** Puts what is no line behind all that have a place. */
  placeAtEnd(element: HTMLElement): void {
    this.#log.insertBefore(element, this.#lines[this.#placed]?.start ?? null);
  }

  /** How many lines have a place in the log. */
  get #placed(): number {
    return this.#lines.length - this.#pending.size;
  }

  /** Index of the first message that is not before `position`; pending ones come after every position. */
  #search(position: string): number {
    let low = 0;
    let high = this.#lines.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#lines[middle]!.position;
      if (at !== undefined && compare(at, position) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #messageAt(index: number, position: string): MessageElement | undefined {
    const line = this.#lines[index];
    return line instanceof MessageElement && line.position === position ? line : undefined;
  }

  /** The list's part of {@link settle}: the element stays in the document, so that it does not flicker. */
  #takePending(nonce: string): MessageElement | undefined {
    const message = this.#pending.get(nonce);
    if (!message) return undefined;
    this.#pending.delete(nonce);
    this.#lines.splice(this.#lines.indexOf(message), 1);
    return message;
  }

  #insert(index: number, line: Line): void {
    const next = this.#lines[index]?.start ?? null;
    // Moving an element that is in place would make screen readers say it again.
    if (line.root.parentNode !== this.#log || line.root.nextElementSibling !== next) {
      line.remove();
      this.#log.insertBefore(line.root, next);
    }
    this.#lines.splice(index, 0, line);
    this.#arrange(index);
    this.#arrange(index + 1);
    this.#placeNews();
  }

  #dropFirst(count: number): void {
    for (const line of this.#lines.splice(0, count)) line.remove();
    this.#arrange(0);
    this.#placeNews();
  }

  #placeNews(): void {
    const old = this.#newsAbove;
    this.#newsAbove = this.#firstNews();
    if (this.#newsAbove !== old) {
      for (const line of [old, this.#newsAbove]) if (line) this.#arrange(this.#lines.indexOf(line));
    }
    if (!this.#newsAbove) this.news.remove();
    else if (this.news.nextElementSibling !== this.#newsAbove.start) this.#newsAbove.start.before(this.news);
  }

  #firstNews(): Line | undefined {
    if (this.#newsAfter === undefined) return undefined;
    for (let i = this.#search(this.#newsAfter); i < this.#lines.length; i++) {
      const line = this.#lines[i]!;
      if (line.position === undefined) return undefined;
      const isNews = line instanceof MessageElement && line.user !== this.#user;
      if (isNews && line.position !== this.#newsAfter) return line;
    }
    return undefined;
  }

  #arrange(index: number): void {
    const line = this.#lines[index];
    if (!line) return;
    const previous = this.#lines[index - 1];
    const startsDay = !previous || dayWords(previous.at) !== dayWords(line.at);
    line.arrange(startsDay || line === this.#newsAbove || !continues(previous, line), startsDay);
  }
}
