import type { AutoScroll } from "./auto-scroll.ts";
import { byId } from "./dom.ts";
import type { HistoryApi } from "./history-api.ts";
import { t } from "./localized-text.ts";
import type { LogView } from "./log-view.ts";
import type { NewerMessages } from "./newer-messages.ts";

/** The upper end of the log: loads older messages when the reader comes to it, and marks the room's beginning. */
export class OlderMessages {
  readonly #log = byId("chat-log");
  readonly #button = byId<HTMLButtonElement>("load-older");
  readonly #history: HistoryApi;
  readonly #view: LogView;
  readonly #scroll: AutoScroll;
  readonly #newer: NewerMessages;
  readonly #observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && void this.#load(), {
    root: this.#log,
  });
  /** `undefined` until the first page of history has come, which loads by itself. */
  #foundOldest: boolean | undefined;
  #loading = false;

  constructor(
    history: HistoryApi,
    view: LogView,
    scroll: AutoScroll,
    newer: NewerMessages,
    foundOldest: boolean | undefined,
  ) {
    this.#history = history;
    this.#view = view;
    this.#scroll = scroll;
    this.#newer = newer;
    this.#foundOldest = foundOldest;
    this.#button.addEventListener("click", () => void this.#load());
    this.#observer.observe(this.#button);
    this.show();
  }

  /** Whether the page begins with the room's first message. */
  set foundOldest(foundOldest: boolean) {
    this.#foundOldest = foundOldest;
    this.show();
  }

  show(): void {
    this.#button.hidden = this.#foundOldest !== false || this.#view.oldest === undefined;
    byId("beginning").hidden = !this.#foundOldest || this.#view.empty;
    byId("empty-room").hidden = !this.#foundOldest || !this.#view.empty;
  }

  async #load(): Promise<void> {
    const { oldest } = this.#view;
    if (this.#loading || this.#foundOldest !== false || oldest === undefined) return;
    this.#loading = true;
    this.#button.textContent = t.loading;
    try {
      const page = await this.#history.before(oldest);
      // The page may have been replaced meanwhile; adding to it would leave a gap.
      if (this.#view.oldest === oldest) {
        this.#view.mute();
        this.#scroll.keepPlace(() => {
          for (const message of page.messages.toReversed()) this.#view.add(message);
          this.foundOldest = page.foundOldest;
        });
      }
      if (this.#view.crowded) {
        this.#view.trimEnd();
        this.#newer.begin();
      }
      this.#button.textContent = t.older;
      // An observer reports changes only. In a high window the button may still be visible.
      this.#observer.unobserve(this.#button);
      this.#observer.observe(this.#button);
    } catch {
      this.#button.textContent = `${t.historyFailed} ${t.tryAgain}`;
    }
    this.#loading = false;
  }
}
