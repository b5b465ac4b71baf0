import { t } from "./localized-text.ts";

/** So near to the end, in pixels, a reader counts as being there. */
const NEAR_END_PX = 80;
/** A browser does much for a new title, and a busy room would have one for each message; nobody reads that fast. */
const TITLE_EVERY_MS = 250;

/**
 * Keeps the newest message in sight while the reader is at the end of the log; while they read further up, leaves
 * them there and shows a button that says how much is new. Counts what came while the page was hidden in its title.
 */
export class Follow {
  readonly #log: HTMLElement;
  readonly #button: HTMLButtonElement;
  readonly #title = document.title;
  readonly #whenCut: () => void;
  #atEnd = true;
  #top = 0;
  #below = 0;
  #unseen = 0;
  #titleDue: number | undefined;
  #scheduled = false;
  #cut = false;

  /** `whenCut`: the reader wants to see the newest, which is not on the page. */
  constructor(log: HTMLElement, button: HTMLButtonElement, whenCut: () => void) {
    this.#log = log;
    this.#button = button;
    this.#whenCut = whenCut;
    // At once: whoever watches the upper end must not take the first sight for a reader who went there.
    this.#toEnd();
    log.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    button.addEventListener("click", () => {
      // The button goes away at the end, and would take the focus with it.
      log.focus({ preventScroll: true });
      if (this.#cut) return this.said();
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      log.scrollTo({ top: log.scrollHeight, behavior: calm ? "instant" : "smooth" });
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.#unseen = 0;
      this.#showUnseen();
    });
    // A phone's keyboard, a turned screen, a composer that grows: the end stays in sight.
    new ResizeObserver(() => this.#schedule()).observe(log);
  }

  get atEnd(): boolean {
    return this.#atEnd;
  }

  /** Whether the page ends before the room does: it then has no end to be at. */
  get cut(): boolean {
    return this.#cut;
  }

  set cut(cut: boolean) {
    this.#cut = cut;
    if (cut) this.#atEnd = false;
  }

  /** Somebody else said something. */
  added(): void {
    if (!this.#atEnd) this.#below++;
    if (document.hidden) {
      this.#unseen++;
      this.#titleDue ??= window.setTimeout(() => this.#showUnseen(), TITLE_EVERY_MS);
    }
    this.#schedule();
  }

  /** The reader said something here, and wants to see it. */
  said(): void {
    if (this.#cut) this.#whenCut();
    else this.#atEnd = true;
    this.#schedule();
  }

  /** Something was added that is no news: who is at the end stays there. */
  noted(): void {
    this.#schedule();
  }

  /** Changes what is above without moving what the reader looks at. */
  keepPlace(change: () => void): void {
    const fromEnd = this.#log.scrollHeight - this.#log.scrollTop;
    change();
    this.#log.scrollTo({ top: this.#log.scrollHeight - fromEnd, behavior: "instant" });
    this.#top = this.#log.scrollTop;
  }

  /** One look a frame, however many messages came. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      if (this.#atEnd) this.#toEnd();
      this.#showButton();
    });
  }

  #toEnd(): void {
    this.#log.scrollTo({ top: this.#log.scrollHeight, behavior: "instant" });
    this.#top = this.#log.scrollTop;
  }

  /** Only who moves up leaves the end: being far from it may as well mean that much has just come in. */
  #onScroll(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    if (scrollHeight - scrollTop - clientHeight < NEAR_END_PX) this.#atEnd = !this.#cut;
    else if (scrollTop < this.#top) this.#atEnd = false;
    this.#top = scrollTop;
    this.#showButton();
  }

  #showButton(): void {
    if (this.#atEnd) this.#below = 0;
    this.#button.hidden = this.#atEnd;
    this.#button.classList.toggle("news", this.#below > 0);
    this.#button.textContent = this.#below > 0 ? t.newMessages.replace("{n}", String(this.#below)) : t.toNewest;
  }

  #showUnseen(): void {
    clearTimeout(this.#titleDue);
    this.#titleDue = undefined;
    document.title = this.#unseen > 0 ? `(${this.#unseen}) ${this.#title}` : this.#title;
  }
}
