import { byId } from "./dom.ts";
import type { Follow } from "./auto-scroll.ts";
import type { History } from "./history-api.ts";
import type { LogView } from "./log-view.ts";
import type { Newer } from "./newer-messages.ts";
import { t } from "./localized-text.ts";

/** The upper end of the log: loads older messages when the reader comes there, and says where it all began. */
export class Older {
  readonly #log = byId("chat-log");
  readonly #button = byId<HTMLButtonElement>("load-older");
  readonly #history: History;
  readonly #view: LogView;
  readonly #follow: Follow;
  readonly #newer: Newer;
  readonly #observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && void this.#load(), {
    root: this.#log,
  });
  /** `undefined` until there is any history: what is missing then comes without being asked for here. */
  #foundOldest: boolean | undefined;
  #loading = false;

  constructor(history: History, view: LogView, follow: Follow, newer: Newer, foundOldest: boolean | undefined) {
    this.#history = history;
    this.#view = view;
    this.#follow = follow;
    this.#newer = newer;
    this.#foundOldest = foundOldest;
    this.#button.addEventListener("click", () => void this.#load());
    this.#observer.observe(this.#button);
    this.show();
  }

  /** Whether the messages shown begin with the room's first is news. */
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
      // Unless the page has begun anew elsewhere meanwhile: there would be a hole.
      if (this.#view.oldest === oldest) {
        this.#view.hush();
        this.#follow.keepPlace(() => {
          for (const message of page.messages.toReversed()) this.#view.add(message);
          this.foundOldest = page.foundOldest;
        });
      }
      if (this.#view.crowded) {
        this.#view.trimEnd();
        this.#newer.begin();
      }
      this.#button.textContent = t.older;
      // It tells of changes only, and the button may be in sight as before: a high window, a reader who stays at the top.
      this.#observer.unobserve(this.#button);
      this.#observer.observe(this.#button);
    } catch {
      this.#button.textContent = `${t.historyFailed} ${t.tryAgain}`;
    }
    this.#loading = false;
  }
}
