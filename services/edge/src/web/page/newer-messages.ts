import type { HistoryPage } from "@madang/protocol/browser";
import { make } from "./dom.ts";
import type { Follow } from "./auto-scroll.ts";
import type { History } from "./history-api.ts";
import type { LogView } from "./log-view.ts";
import { t } from "./localized-text.ts";

/**
 * The lower end of the log while that is not the room's: whoever reads far back does not carry along all that is far
 * below them. What follows is loaded when they come there.
 */
export class Newer {
  readonly #history: History;
  readonly #view: LogView;
  readonly #follow: Follow;
  readonly #loaded: (page: HistoryPage) => void;
  readonly #button = make("button", { type: "button", className: "quiet", onclick: () => void this.#load() }, t.newer);
  readonly #observer: IntersectionObserver;
  #loading = false;

  /** `loaded`: more is on the page; with `foundNewest` it goes on from the position given, and {@link end} is due. */
  constructor(log: HTMLElement, history: History, view: LogView, follow: Follow, loaded: (page: HistoryPage) => void) {
    this.#history = history;
    this.#view = view;
    this.#follow = follow;
    this.#loaded = loaded;
    this.#observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && void this.#load(), { root: log });
    this.#button.id = "load-newer";
  }

  /** The page shows nothing that comes after what it shows now. */
  begin(): void {
    this.#follow.cut = true;
    this.#view.placeAtEnd(this.#button);
    this.#observer.observe(this.#button);
  }

  /** The page goes on to the newest. */
  end(): void {
    this.#follow.cut = false;
    this.#observer.disconnect();
    this.#button.remove();
  }

  async #load(): Promise<void> {
    const { newest } = this.#view;
    if (this.#loading || newest === undefined) return;
    this.#loading = true;
    this.#view.hush();
    this.#button.textContent = t.loading;
    try {
      const page = await this.#history.after(newest);
      this.#view.hush();
      // Meanwhile the reader may have gone to the newest, or so far up that the end is another one.
      if (this.#follow.cut && this.#view.newest === newest) {
        for (const message of page.messages) this.#view.add(message);
        this.#observer.disconnect();
        this.begin();
        this.#loaded(page);
      }
      this.#button.textContent = t.newer;
    } catch {
      this.#button.textContent = `${t.laterFailed} ${t.tryAgain}`;
    }
    this.#loading = false;
  }
}
