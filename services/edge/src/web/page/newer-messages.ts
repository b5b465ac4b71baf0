import type { HistoryPage } from "@madang/protocol/browser";
import type { AutoScroll } from "./auto-scroll.ts";
import { make } from "./dom.ts";
import type { HistoryApi } from "./history-api.ts";
import { t } from "./localized-text.ts";
import type { LogView } from "./log-view.ts";

/**
 * The lower end of the log while the page does not reach the room's newest message, because the reader is far up.
 * Loads the messages that follow when the reader comes to it.
 */
export class NewerMessages {
  readonly #history: HistoryApi;
  readonly #view: LogView;
  readonly #scroll: AutoScroll;
  readonly #loaded: (page: HistoryPage) => void;
  readonly #button = make("button", { type: "button", className: "link", onclick: () => void this.#load() }, t.newer);
  readonly #observer: IntersectionObserver;
  #loading = false;

  /** `loaded`: the page was added. With `foundNewest` the log is complete: call {@link end} and join at its position. */
  constructor(
    log: HTMLElement,
    history: HistoryApi,
    view: LogView,
    scroll: AutoScroll,
    loaded: (page: HistoryPage) => void,
  ) {
    this.#history = history;
    this.#view = view;
    this.#scroll = scroll;
    this.#loaded = loaded;
    this.#observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && void this.#load(), { root: log });
    this.#button.id = "load-newer";
  }

  /** From now on the page ends at its current last message. */
  begin(): void {
    this.#scroll.truncated = true;
    this.#view.placeAtEnd(this.#button);
    this.#observer.observe(this.#button);
  }

  /** The page reaches the newest message again. */
  end(): void {
    this.#scroll.truncated = false;
    this.#observer.disconnect();
    this.#button.remove();
  }

  async #load(): Promise<void> {
    const { newest } = this.#view;
    if (this.#loading || newest === undefined) return;
    this.#loading = true;
    this.#view.mute();
    this.#button.textContent = t.loading;
    try {
      const page = await this.#history.after(newest);
      this.#view.mute();
      // Meanwhile the reader may have jumped to the newest, or gone up so far that the page ends elsewhere.
      if (this.#scroll.truncated && this.#view.newest === newest) {
        for (const message of page.messages) this.#view.add(message);
        this.#observer.disconnect();
        this.begin();
        this.#loaded(page);
      }
      this.#button.textContent = t.newer;
    } catch {
      this.#button.textContent = `${t.newerFailed} ${t.tryAgain}`;
    }
    this.#loading = false;
  }
}
