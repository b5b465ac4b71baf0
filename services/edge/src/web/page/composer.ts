import { characters, isBlank } from "@madang/protocol/browser";
import { byId, make } from "./dom.ts";
import type { Draft } from "./visitor-storage.ts";
import { t } from "./localized-text.ts";

/** Browsers say so, instead of 13, when a key belongs to an input method: Safari does it after `isComposing` is over. */
const IME_KEY_CODE = 229;

/**
 * Where a message is written. `say` gets each text of at most `max` characters, and returns whether it took it.
 * What was typed stays until then, in `draft`, too. `typing` hears of each change to a text that is not blank.
 */
export class Composer {
  readonly #input = byId<HTMLTextAreaElement>("chat-message-input");
  readonly #submit = byId<HTMLButtonElement>("chat-message-submit");
  readonly #note = byId("composer-note");
  readonly #draft: Draft;

  constructor(max: number, say: (text: string) => boolean, typing: () => void, draft: Draft) {
    this.#draft = draft;
    const form = byId<HTMLFormElement>("composer");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#submit.disabled) this.#send(max, say);
    });
    this.#input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === IME_KEY_CODE) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.#input.addEventListener("input", () => {
      this.note("");
      this.#draft.set(this.#input.value);
      this.#fit();
      if (!isBlank(this.#input.value)) typing();
    });
    // What was typed before there was a script comes first.
    this.#input.value ||= draft.get();
    this.#fit();
    this.focus();
  }

  /** Says why nothing can be said here, or, with `undefined`, that it can. `tryAgain` may find that changed. */
  close(reason: string | undefined, tryAgain?: () => void): void {
    // The button goes with the reason, and would take the focus with it.
    const asked = this.#note.contains(document.activeElement);
    this.#input.disabled = this.#submit.disabled = reason !== undefined;
    this.note(reason ?? "");
    if (tryAgain)
      this.#note.append(" ", make("button", { type: "button", className: "quiet", onclick: tryAgain }, t.tryAgain));
    if (asked) (this.#note.querySelector("button") ?? this.#input).focus();
  }

  focus(): void {
    this.#input.focus();
  }

  note(text: string): void {
    this.#note.textContent = text;
  }

  #send(max: number, say: (text: string) => boolean): void {
    const text = this.#input.value;
    const length = characters(text);
    if (length > max) return this.note(t.tooLong.replace("{n}", `${max}`).replace("{m}", `${length}`));
    if (!isBlank(text) && !say(text)) return;
    this.#input.value = "";
    this.#draft.set("");
    this.note("");
    this.#fit();
    this.focus();
  }

  /** As high as its text; the style sheet sets the limit, and how high it is without any. */
  #fit(): void {
    const { style } = this.#input;
    if (this.#input.value === "") return void style.removeProperty("height");
    style.height = "auto";
    const borders = this.#input.offsetHeight - this.#input.clientHeight;
    style.height = `${this.#input.scrollHeight + borders}px`;
  }
}
