import type { HistoryMessage } from "@madang/protocol/browser";
import { hue, initial } from "../shared/grouping.ts";
import { segments } from "../shared/links.ts";
import { DayElement } from "./day-divider.ts";
import { make } from "./dom.ts";
import { momentWords, t, timeWords } from "./localized-text.ts";

/** What the page shows of a message that has its place in the log. */
export type Stored = Pick<HistoryMessage, "position" | "user" | "at" | "message" | "nonce" | "editedAt" | "deleted">;

/** One message on the page; the same elements and classes as `views/message.eta` makes. */
export class MessageElement {
  readonly root: HTMLElement;
  readonly user: string;
  /** `undefined` until the message has its place in the log. */
  position: string | undefined;
  at: string;
  readonly #day: DayElement;
  readonly #text: HTMLElement;
  readonly #meta: HTMLElement;

  private constructor(root: HTMLElement, user: string, at: string) {
    this.root = root;
    this.user = user;
    this.at = at;
    this.#day = new DayElement(root);
    this.#text = root.querySelector<HTMLElement>(".text")!;
    this.#meta = root.querySelector<HTMLElement>(".meta")!;
  }

  static create(user: string, own: boolean): MessageElement {
    const avatar = make("span", { className: `avatar hue-${hue(user)}` }, initial(user));
    avatar.setAttribute("aria-hidden", "true");
    const root = make(
      "div",
      { className: own ? "message own" : "message" },
      avatar,
      make("p", { className: "byline" }, make("bdi", {}, user)),
      make("p", { className: "text", dir: "auto" }),
      make("p", { className: "meta" }),
    );
    return new MessageElement(root, user, new Date().toISOString());
  }

  /** Takes over what the server rendered, and puts its time into the visitor's own. */
  static adopt(root: HTMLElement): MessageElement {
    const message = new MessageElement(root, root.dataset["user"] ?? "", root.dataset["at"] ?? "");
    message.position = root.dataset["position"];
    message.#showTime(root.querySelector(".edited") !== null);
    return message;
  }

  /** Where this message and what belongs to it begin. */
  get start(): HTMLElement {
    return this.#day.start;
  }

  get deleted(): boolean {
    return this.root.classList.contains("deleted");
  }

  showStored({ position, at, message, editedAt, deleted }: Stored): void {
    this.position = position;
    this.at = at;
    this.root.dataset["position"] = position;
    this.root.classList.remove("pending", "failed");
    if (deleted) this.showDeleted();
    else this.showText(message, editedAt !== undefined);
  }

  showText(text: string, edited: boolean): void {
    this.#text.replaceChildren(
      ...segments(text).map((segment) =>
        segment.href === undefined
          ? segment.text
          : make("a", { href: segment.href, target: "_blank", rel: "noopener noreferrer nofollow" }, segment.text),
      ),
    );
    this.#showTime(edited);
  }

  showDeleted(): void {
    this.root.classList.add("deleted");
    this.#text.textContent = t.deleted;
    this.#showTime(false);
  }

  showPending(text: string): void {
    this.showText(text, false);
    this.root.classList.remove("failed");
    this.root.classList.add("pending");
    this.#meta.replaceChildren(t.sending);
  }

  /** It goes out later, by itself. */
  showHeld(reason: string): void {
    this.#meta.replaceChildren(`${t.sending} ${reason}`);
  }

  /** The server has it; its own event is on the way. */
  showSent(): void {
    this.root.classList.remove("pending", "failed");
    this.#showTime(false);
  }

  showFailed(reason: string, retry: () => void, discard: () => void): void {
    this.root.classList.remove("pending");
    this.root.classList.add("failed");
    this.#meta.replaceChildren(
      make("span", {}, `${t.failed} ${reason}`),
      make(
        "span",
        { className: "choices" },
        make("button", { type: "button", className: "quiet", onclick: retry }, t.retry),
        make("button", { type: "button", className: "quiet", onclick: discard }, t.discard),
      ),
    );
  }

  /** Whether a name stands above it, and a date above that. */
  arrange(first: boolean, startsDay: boolean): void {
    this.root.classList.toggle("first", first);
    this.#day.show(startsDay ? this.at : undefined);
  }

  remove(): void {
    this.#day.show(undefined);
    this.root.remove();
  }

  #showTime(edited: boolean): void {
    const time = make("time", { dateTime: this.at, title: momentWords(this.at) }, timeWords(this.at));
    this.#meta.replaceChildren(...(edited ? [make("span", { className: "edited" }, t.edited), " "] : []), time);
  }
}
