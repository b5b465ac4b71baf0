import type { PendingSend } from "@madang/client";
import { parsePosition } from "@madang/protocol/browser";
import { continues } from "../shared/grouping.ts";
import { MessageElement, type Stored } from "./message-element.ts";
import { dayWords } from "./words.ts";

/** More than this makes a page slow on a phone; the oldest are loaded again when somebody scrolls there. */
const SHOWN_MAX = 1500;
const SHOWN_AFTER_TRIM = 1000;

/**
 * The messages on the page: those with a place in the log, in its order and each once, whatever way they came
 * (server-rendered, history, live); then this person's own that have none yet.
 */
export class LogView {
  readonly #log: HTMLElement;
  readonly #user: string;
  /** By position, ascending; then the pending ones, which have none. */
  readonly #messages: MessageElement[];
  readonly #pending = new Map<string, MessageElement>();

  constructor(log: HTMLElement, user: string) {
    this.#log = log;
    this.#user = user;
    this.#messages = Array.from(log.querySelectorAll<HTMLElement>(".message"), (root) => MessageElement.adopt(root));
    for (let i = 0; i < this.#messages.length; i++) this.#arrange(i);
  }

  get empty(): boolean {
    return this.#messages.length === 0;
  }

  /** Position of the oldest message shown; `undefined` while none has a place in the log. */
  get oldest(): string | undefined {
    return this.#messages[0]?.position;
  }

  /** Shows a message at its place. One that is there already takes the state given. @returns whether it is new here */
  add(said: Stored): boolean {
    const own = said.user === this.#user;
    const pending = own && said.nonce !== undefined ? this.#takePending(said.nonce) : undefined;
    const index = this.#search(said.position);
    const known = this.#messages[index]?.position === said.position ? this.#messages[index] : undefined;
    if (known) pending?.remove();
    const message = known ?? pending ?? MessageElement.create(said.user, own);
    message.showStored(said);
    if (!known) this.#insert(index, message);
    return !known && !pending;
  }

  /** An edit or a deletion of the message at `position`; of one that is not shown it is none of the page's business. */
  amend(position: string, text: string | undefined): void {
    const message = this.#messages[this.#search(position)];
    if (message?.position !== position || message.deleted) return;
    if (text === undefined) message.showDeleted();
    else message.showText(text, true);
  }

  addPending({ nonce, text }: PendingSend): MessageElement {
    const known = this.#pending.get(nonce);
    const message = known ?? MessageElement.create(this.#user, true);
    message.showPending(text);
    if (!known) {
      this.#pending.set(nonce, message);
      this.#insert(this.#messages.length, message);
    }
    return message;
  }

  /** A pending message was stored at `position`. Its event follows, unless the page is past that position already. */
  settle(nonce: string, position: string): void {
    const last = this.#messages.findLast((message) => message.position !== undefined)?.position;
    if (last !== undefined && compare(position, last) <= 0) this.dropPending(nonce);
    else this.#pending.get(nonce)?.showSent();
  }

  dropPending(nonce: string): void {
    this.#takePending(nonce)?.remove();
    this.#arrange(this.#messages.length - 1);
  }

  /** Forgets what is older than `position`, where something may be missing in between. */
  dropBefore(position: string): void {
    this.#dropFirst(this.#search(position));
  }

  get crowded(): boolean {
    return this.#messages.length > SHOWN_MAX;
  }

  /** Keeps the page light: forgets the oldest. */
  trim(): void {
    this.#dropFirst(this.#messages.length - SHOWN_AFTER_TRIM);
  }

  /** Index of the first message that is not before `position`; pending ones come after every position. */
  #search(position: string): number {
    let low = 0;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#messages[middle]!.position;
      if (at !== undefined && compare(at, position) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The list's part of {@link settle}: the element stays in the document, so that it does not flicker. */
  #takePending(nonce: string): MessageElement | undefined {
    const message = this.#pending.get(nonce);
    if (!message) return undefined;
    this.#pending.delete(nonce);
    this.#messages.splice(this.#messages.indexOf(message), 1);
    return message;
  }

  #insert(index: number, message: MessageElement): void {
    const next = this.#messages[index]?.start ?? null;
    // Moving an element that is in place would make screen readers say it again.
    if (message.root.parentNode !== this.#log || message.root.nextElementSibling !== next) {
      message.remove();
      this.#log.insertBefore(message.root, next);
    }
    this.#messages.splice(index, 0, message);
    this.#arrange(index);
    this.#arrange(index + 1);
  }

  #dropFirst(count: number): void {
    for (const message of this.#messages.splice(0, count)) message.remove();
    this.#arrange(0);
  }

  #arrange(index: number): void {
    const message = this.#messages[index];
    if (!message) return;
    const previous = this.#messages[index - 1];
    const startsDay = !previous || dayWords(previous.at) !== dayWords(message.at);
    message.arrange(startsDay || !continues(previous, message), startsDay);
  }
}

/** Order in the log: epochs sort as strings in the order in which they began. */
function compare(a: string, b: string): number {
  const [left, right] = [parsePosition(a), parsePosition(b)];
  if (!left || !right) return 0;
  return left.epoch === right.epoch ? left.seq - right.seq : left.epoch < right.epoch ? -1 : 1;
}
