import { characters, isBlank } from "@madang/protocol/browser";
import { fill } from "../shared/dictionary.ts";
import { byId, make } from "./dom.ts";
import { t } from "./localized-text.ts";
import type { Draft } from "./visitor-storage.ts";

/** Browsers send this key code instead of 13 when an input method uses the key. Safari sends it after `isComposing` ends. */
const IME_KEY_CODE = 229;

export interface ComposerHandlers {
  /** Takes a text of at most the allowed length. @returns whether the text is on its way; otherwise it stays */
  send(text: string): boolean;
  /** Is called for each change to a text that is not blank. */
  typing(): void;
}

/** The form in which a person writes. It is disabled, and says why, while the person cannot write. */
export class Composer {
  readonly #input = byId<HTMLTextAreaElement>("chat-message-input");
  readonly #submit = byId<HTMLButtonElement>("chat-message-submit");
  readonly #note = byId("composer-note");
  readonly #draft: Draft;

  /** @param max longest text, in characters. `draft` keeps the text that is not sent yet */
  constructor(max: number, handlers: ComposerHandlers, draft: Draft) {
    this.#draft = draft;
    const form = byId<HTMLFormElement>("composer");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#submit.disabled) this.#send(max, handlers);
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
      if (!isBlank(this.#input.value)) handlers.typing();
    });
    // A text typed before the script ran takes precedence over the draft.
    this.#input.value ||= draft.get();
    this.#fit();
    this.focus();
  }

  /** Disables the composer and shows why. */
  disable(reason: string): void {
    this.#setDisabled(true);
    this.note(reason);
  }

  /** Disables the composer and offers to try again, since the reason may no longer hold. */
  disableUntilRetry(reason: string, retry: () => void): void {
    // The old button, which may have the focus, is replaced.
    const hadFocus = this.#note.contains(document.activeElement);
    this.disable(reason);
    this.#note.append(" ", make("button", { type: "button", className: "link", onclick: retry }, t.tryAgain));
    if (hadFocus) this.#note.querySelector("button")?.focus();
  }

  enable(): void {
    const hadFocus = this.#note.contains(document.activeElement);
    this.#setDisabled(false);
    this.note("");
    if (hadFocus) this.focus();
  }

  focus(): void {
    this.#input.focus();
  }

  note(text: string): void {
    this.#note.textContent = text;
  }

  #setDisabled(disabled: boolean): void {
    this.#input.disabled = this.#submit.disabled = disabled;
    this.#input.placeholder = disabled ? t.cannotWrite : t.placeholder;
  }

  #send(max: number, handlers: ComposerHandlers): void {
    const text = this.#input.value;
    const length = characters(text);
    if (length > max) return this.note(fill(t.tooLong, { n: max, m: length }));
    if (!isBlank(text) && !handlers.send(text)) return;
    this.#input.value = "";
    this.#draft.set("");
    this.note("");
    this.#fit();
    this.focus();
  }

  /** Makes the field as high as its text, up to the limit in the style sheet. */
  #fit(): void {
    const { style } = this.#input;
    if (this.#input.value === "") return void style.removeProperty("height");
    style.height = "auto";
    const borders = this.#input.offsetHeight - this.#input.clientHeight;
    style.height = `${this.#input.scrollHeight + borders}px`;
  }
}
