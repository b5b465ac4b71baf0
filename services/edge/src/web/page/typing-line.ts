import type { RoomEvents } from "@madang/client";
import { TYPING_HOLDS_MS } from "@madang/protocol/browser";
import { byId, make, withElements } from "./dom.ts";
import { t } from "./localized-text.ts";

/** Names the people that are typing (F4). Hidden from screen readers, which would announce each change. */
export class TypingLine {
  readonly #line = byId("typing");
  /** Timers by name; each removes its name. */
  readonly #timers = new Map<string, number>();

  add({ user }: RoomEvents["typing"]): void {
    clearTimeout(this.#timers.get(user));
    this.#timers.set(
      user,
      window.setTimeout(() => this.remove(user), TYPING_HOLDS_MS),
    );
    this.#show();
  }

  /** The person has sent the message, or stopped typing. */
  remove(user: string): void {
    clearTimeout(this.#timers.get(user));
    if (this.#timers.delete(user)) this.#show();
  }

  #show(): void {
    const [user = "", other = "", ...more] = this.#timers.keys();
    const text = more.length > 0 ? t.typingMany : other ? t.typingTwo : user ? t.typing : "";
    const name = (user: string) => () => make("bdi", {}, user);
    this.#line.replaceChildren(...withElements(text, { user: name(user), other: name(other) }));
  }
}
