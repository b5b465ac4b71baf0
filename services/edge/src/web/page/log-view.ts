import type { PendingSend } from "@madang/client";
import { continues } from "../shared/grouping.ts";
import { make } from "./dom.ts";
import { formatDay, t } from "./localized-text.ts";
import { MessageElement, type StoredMessage } from "./message-element.ts";
import type { ModerationNotice } from "./moderation-notice.ts";
import { comparePositions } from "./position-order.ts";

/** More lines make a page slow on a phone. Dropped lines are loaded again when the reader scrolls to them. */
const LINES_MAX = 1500;
const LINES_AFTER_TRIM = 1000;
/** A busy browser may take this long to announce a change, by the state that the log has then. */
const MUTE_MS = 500;

type Line = MessageElement | ModerationNotice;

/**
 * The lines of the page: stored messages and moderation notices in the order of the log, each once, whether they were
 * rendered by the server, loaded from history, or received live. This person's pending messages follow them.
 */
export class LogView {
  readonly #log: HTMLElement;
  readonly #user: string;
  /** By position, ascending; then the pending messages, which have no position. */
  readonly #lines: Line[];
  readonly #pending = new Map<string, MessageElement>();
  /** The divider above the messages that this person has not seen. */
  readonly unreadLine = make("p", { className: "unread-line" }, make("span", {}, t.unread));
  #unreadAfter: string | undefined;
  #firstUnread: Line | undefined;
  #muted: number | undefined;

  constructor(log: HTMLElement, user: string) {
    this.#log = log;
    this.#user = user;
    this.#lines = Array.from(log.querySelectorAll<HTMLElement>(".message"), (root) => MessageElement.adopt(root));
    for (let i = 0; i < this.#lines.length; i++) this.#arrange(i);
    this.mute();
  }

  /** Keeps screen readers from announcing the old messages that are added to the page now. */
  mute(): void {
    this.#log.setAttribute("aria-live", "off");
    clearTimeout(this.#muted);
    this.#muted = window.setTimeout(() => this.#log.setAttribute("aria-live", "polite"), MUTE_MS);
  }

  get empty(): boolean {
    return this.#lines.length === 0;
  }

  /** Position of the first line; `undefined` while no line has a position. */
  get oldest(): string | undefined {
    return this.#lines[0]?.position;
  }

  /** Position of the last line that has one. */
  get newest(): string | undefined {
    return this.#lines.findLast(({ position }) => position !== undefined)?.position;
  }

  /** Shows a message at its place, or updates it. @returns whether the page did not have it, not even as pending */
  add(stored: StoredMessage): boolean {
    const own = stored.user === this.#user;
    const pending = own && stored.nonce !== undefined ? this.#takePending(stored.nonce) : undefined;
    const index = this.#search(stored.position);
    const known = this.#messageAt(index, stored.position);
    if (known) pending?.remove();
    const message = known ?? pending ?? MessageElement.create(stored.user, own);
    message.showStored(stored);
    if (!known) this.#insert(index, message);
    return !known && !pending;
  }

  /** Shows a notice at its place, once. */
  addNotice(notice: ModerationNotice): void {
    const index = this.#search(notice.position);
    if (this.#lines[index]?.position !== notice.position) this.#insert(index, notice);
  }

  /** Shows an edit, or with `undefined` a deletion, of the message at `position`. Ignores messages that are not shown. */
  amend(position: string, text: string | undefined): void {
    const message = this.#messageAt(this.#search(position), position);
    if (!message || message.deleted) return;
    if (text === undefined) message.showDeleted();
    else message.showText(text, true);
  }

  /** Takes the author's name off the message at `position`, and off the notices about that name. */
  erase(position: string): void {
    const index = this.#search(position);
    const message = this.#messageAt(index, position);
    if (!message) return;
    const { user } = message;
    message.showErased();
    this.#arrange(index);
    this.#arrange(index + 1);
    const isAbout = (line: Line) => !(line instanceof MessageElement) && line.about === user;
    for (let i = this.#lines.length - 1; i >= 0; i--) if (isAbout(this.#lines[i]!)) this.#dropLine(i);
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

  /** A pending message was stored at `position`. Its event follows, unless the page is already past that position. */
  settle(nonce: string, position: string): void {
    const last = this.newest;
    if (last !== undefined && comparePositions(position, last) <= 0) this.dropPending(nonce);
    else this.#pending.get(nonce)?.showSent();
  }

  dropPending(nonce: string): void {
    this.#takePending(nonce)?.remove();
    this.#arrange(this.#lines.length - 1);
  }

  /** Removes the lines before `position`, because a gap may follow them. */
  dropBefore(position: string): void {
    this.#dropFirst(this.#search(position));
  }

  /** Removes the stored lines up to `position`, itself included; without a position, all of them. */
  dropStored(position?: string): void {
    if (position === undefined) return this.#dropFirst(this.#placed);
    const index = this.#search(position);
    this.#dropFirst(this.#lines[index]?.position === position ? index + 1 : index);
  }

  /**
   * Shows the unread divider above the first message of another person after `position`, and keeps it there when lines
   * are inserted. `undefined`: no divider. @returns whether there is such a message
   */
  showUnread(position: string | undefined): boolean {
    this.#unreadAfter = position;
    this.#placeUnread();
    return this.#firstUnread !== undefined;
  }

  get crowded(): boolean {
    return this.#lines.length > LINES_MAX;
  }

  /** Removes the oldest lines. */
  trim(): void {
    this.#dropFirst(this.#lines.length - LINES_AFTER_TRIM);
  }

  /** For a reader at the upper end: removes the newest lines that have a position. */
  trimEnd(): void {
    for (const line of this.#lines.splice(LINES_AFTER_TRIM, this.#placed - LINES_AFTER_TRIM)) line.remove();
    this.#arrange(LINES_AFTER_TRIM);
    this.#placeUnread();
  }

  /** Puts an element that is not a line after all lines that have a position. */
  placeAtEnd(element: HTMLElement): void {
    this.#log.insertBefore(element, this.#lines[this.#placed]?.start ?? null);
  }

  /** The number of lines that have a position. */
  get #placed(): number {
    return this.#lines.length - this.#pending.size;
  }

  /** Index of the first line that is not before `position`. Pending messages come after every position. */
  #search(position: string): number {
    let low = 0;
    let high = this.#lines.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#lines[middle]!.position;
      if (at !== undefined && comparePositions(at, position) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #messageAt(index: number, position: string): MessageElement | undefined {
    const line = this.#lines[index];
    return line instanceof MessageElement && line.position === position ? line : undefined;
  }

  /** Removes a pending message from the list but not from the document, where it would flicker. */
  #takePending(nonce: string): MessageElement | undefined {
    const message = this.#pending.get(nonce);
    if (!message) return undefined;
    this.#pending.delete(nonce);
    this.#lines.splice(this.#lines.indexOf(message), 1);
    return message;
  }

  #insert(index: number, line: Line): void {
    const next = this.#lines[index]?.start ?? null;
    // Screen readers would announce an element again that is moved to its own place.
    if (line.root.parentNode !== this.#log || line.root.nextElementSibling !== next) {
      line.remove();
      this.#log.insertBefore(line.root, next);
    }
    this.#lines.splice(index, 0, line);
    this.#arrange(index);
    this.#arrange(index + 1);
    this.#placeUnread();
  }

  #dropFirst(count: number): void {
    for (const line of this.#lines.splice(0, count)) line.remove();
    this.#arrange(0);
    this.#placeUnread();
  }

  #dropLine(index: number): void {
    for (const line of this.#lines.splice(index, 1)) line.remove();
    this.#arrange(index);
    this.#placeUnread();
  }

  #placeUnread(): void {
    const old = this.#firstUnread;
    this.#firstUnread = this.#findUnread();
    if (this.#firstUnread !== old) {
      for (const line of [old, this.#firstUnread]) if (line) this.#arrange(this.#lines.indexOf(line));
    }
    if (!this.#firstUnread) this.unreadLine.remove();
    else if (this.unreadLine.nextElementSibling !== this.#firstUnread.start)
      this.#firstUnread.start.before(this.unreadLine);
  }

  #findUnread(): Line | undefined {
    if (this.#unreadAfter === undefined) return undefined;
    for (let i = this.#search(this.#unreadAfter); i < this.#lines.length; i++) {
      const line = this.#lines[i]!;
      if (line.position === undefined) return undefined;
      const isUnread = line instanceof MessageElement && line.user !== this.#user;
      if (isUnread && line.position !== this.#unreadAfter) return line;
    }
    return undefined;
  }

  #arrange(index: number): void {
    const line = this.#lines[index];
    if (!line) return;
    const previous = this.#lines[index - 1];
    const startsDay = !previous || formatDay(previous.at) !== formatDay(line.at);
    line.arrange(startsDay || line === this.#firstUnread || !continues(previous, line), startsDay);
  }
}
