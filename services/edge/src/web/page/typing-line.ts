import type { RoomEvents } from "@madang/client";
import { TYPING_HOLDS_MS } from "@madang/protocol/browser";
import { byId, make } from "./dom.ts";
import { t } from "./localized-text.ts";

/** Who is writing just now (F4). For the eye only: read out, it would talk all the time. */
export class TypingLine {
  readonly #line = byId("typing");
  /** By name, with what forgets them. */
  readonly #writers = new Map<string, number>();

  add({ user }: RoomEvents["typing"]): void {
    clearTimeout(this.#writers.get(user));
    this.#writers.set(
      user,
      window.setTimeout(() => this.remove(user), TYPING_HOLDS_MS),
    );
    this.#show();
  }

  /** They have said it, or are silent again. */
  remove(user: string): void {
    clearTimeout(this.#writers.get(user));
    if (this.#writers.delete(user)) this.#show();
  }

  #show(): void {
    const [user = "", other = "", ...more] = this.#writers.keys();
    const words = more.length > 0 ? t.typingMany : other ? t.typingTwo : user ? t.typing : "";
    const names: Record<string, string> = { "{user}": user, "{other}": other };
    const parts = words
      .split(/(\{user\}|\{other\})/)
      .map((part) => (names[part] ? make("bdi", {}, names[part]) : part));
    this.#line.replaceChildren(...parts);
  }
}
