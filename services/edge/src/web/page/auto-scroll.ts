import { fill } from "../shared/dictionary.ts";
import { t } from "./localized-text.ts";

/** Within this many pixels of the end, a reader counts as being at the end. */
const NEAR_END_PX = 80;
/** A new title costs a browser much work, and a busy room would cause one for each message. */
const TITLE_INTERVAL_MS = 250;

/**
 * Keeps the newest message visible while the reader is at the end of the log. While they read further up, it leaves
 * their place alone and shows a button with the number of new messages. While the page is hidden, its title shows the
 * number of new messages.
 */
export class AutoScroll {
  readonly #log: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #title = document.title;
  readonly #loadNewest: () => void;
  #atEnd = true;
  #top = 0;
  #below = 0;
  #unseen = 0;
  #titleTimer: number | undefined;
  #scheduled = false;
  #truncated = false;

  /** `loadNewest`: the reader wants to see the newest messages, and they are not on the page. */
  constructor(log: HTMLElement, button: HTMLButtonElement, loadNewest: () => void) {
    this.#log = log;
    this.#button = button;
    this.#loadNewest = loadNewest;
    // At once: otherwise the observer of the upper end would take the first view for a scroll of the reader.
    this.#scrollToEnd();
    log.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    button.addEventListener("click", () => {
      // The button disappears at the end and would lose the focus.
      log.focus({ preventScroll: true });
      if (this.#truncated) return this.followOwn();
      const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
      log.scrollTo({ top: log.scrollHeight, behavior: reducedMotion ? "instant" : "smooth" });
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.#unseen = 0;
      this.#showUnseen();
    });
    // The end stays visible when a keyboard opens, the screen turns, or the composer grows.
    new ResizeObserver(() => this.update()).observe(log);
  }

  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** Whether the page ends before the room's newest message. The reader is then never at the end. */
  get truncated(): boolean {
    return this.#truncated;
  }

  set truncated(truncated: boolean) {
    this.#truncated = truncated;
    if (truncated) this.#atEnd = false;
  }

  /** A message of another person came. */
  messageAdded(): void {
    if (!this.#atEnd) this.#below++;
    if (document.hidden) {
      this.#unseen++;
      this.#titleTimer ??= window.setTimeout(() => this.#showUnseen(), TITLE_INTERVAL_MS);
    }
    this.update();
  }

  /** The reader wrote a message here: scrolls to it. */
  followOwn(): void {
    if (this.#truncated) this.#loadNewest();
    else this.#atEnd = true;
    this.update();
  }

  /** Changes the upper part of the log without moving the lines that the reader looks at. */
  keepPlace(change: () => void): void {
    const fromEnd = this.#log.scrollHeight - this.#log.scrollTop;
    change();
    this.#log.scrollTo({ top: this.#log.scrollHeight - fromEnd, behavior: "instant" });
    this.#top = this.#log.scrollTop;
  }

  /** The log has changed: a reader at the end stays there. Works once a frame, whatever the number of messages. */
  update(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      if (this.#atEnd) this.#scrollToEnd();
      this.#showButton();
    });
  }

  #scrollToEnd(): void {
    this.#log.scrollTo({ top: this.#log.scrollHeight, behavior: "instant" });
    this.#top = this.#log.scrollTop;
  }

  /** Only a move upwards leaves the end. A distance from the end can also mean that many messages came at once. */
  #onScroll(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    if (scrollHeight - scrollTop - clientHeight < NEAR_END_PX) this.#atEnd = !this.#truncated;
    else if (scrollTop < this.#top) this.#atEnd = false;
    this.#top = scrollTop;
    this.#showButton();
  }

  #showButton(): void {
    if (this.#atEnd) this.#below = 0;
    this.#button.hidden = this.#atEnd;
    this.#button.classList.toggle("unread", this.#below > 0);
    this.#button.textContent = this.#below > 0 ? fill(t.newMessages, { n: this.#below }) : t.toNewest;
  }

  #showUnseen(): void {
    clearTimeout(this.#titleTimer);
    this.#titleTimer = undefined;
    document.title = this.#unseen > 0 ? `(${this.#unseen}) ${this.#title}` : this.#title;
  }
}
