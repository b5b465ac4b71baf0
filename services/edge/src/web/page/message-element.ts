import { ERASED_NAME, type HistoryMessage } from "@madang/protocol/browser";
import { hue, initial } from "../shared/grouping.ts";
import { segments } from "../shared/links.ts";
import { DayDivider } from "./day-divider.ts";
import { make } from "./dom.ts";
import { formatExactTime, formatTime, t } from "./localized-text.ts";

/** The fields of a stored message that the page shows. */
export type StoredMessage = Pick<
  HistoryMessage,
  "position" | "user" | "at" | "message" | "nonce" | "editedAt" | "deleted"
>;

/** One message on the page, with the same elements and classes as `views/message.eta`. */
export class MessageElement {
  readonly root: HTMLElement;
  user: string;
  /** `undefined` until the message is stored. */
  position: string | undefined;
  at: string;
  readonly #day: DayDivider;
  readonly #text: HTMLElement;
  readonly #meta: HTMLElement;

  private constructor(root: HTMLElement, user: string, at: string) {
    this.root = root;
    this.user = user;
    this.at = at;
    this.#day = new DayDivider(root);
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

  /** Takes over a message that the server rendered, and shows its time in the reader's time zone. */
  static adopt(root: HTMLElement): MessageElement {
    const message = new MessageElement(root, root.dataset["user"] ?? "", root.dataset["at"] ?? "");
    message.position = root.dataset["position"];
    message.#showTime(root.querySelector(".edited") !== null);
    return message;
  }

  /** The first element that belongs to this message. */
  get start(): HTMLElement {
    return this.#day.start;
  }

  get deleted(): boolean {
    return this.root.classList.contains("deleted");
  }

  showStored({ position, at, message, editedAt, deleted }: StoredMessage): void {
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

  /** The author was erased: nothing of the message remains but its place. */
  showErased(): void {
    this.user = ERASED_NAME;
    this.root.dataset["user"] = ERASED_NAME;
    this.root.querySelector(".byline bdi")!.textContent = ERASED_NAME;
    const avatar = this.root.querySelector<HTMLElement>(".avatar")!;
    avatar.className = `avatar hue-${hue(ERASED_NAME)}`;
    avatar.textContent = initial(ERASED_NAME);
    this.showDeleted();
  }

  showPending(text: string): void {
    this.showText(text, false);
    this.root.classList.remove("failed");
    this.root.classList.add("pending");
    this.#meta.replaceChildren(t.sending);
  }

  /** The SDK will send the message again by itself. */
  showHeld(reason: string): void {
    this.#meta.replaceChildren(`${t.sending} ${reason}`);
  }

  /** The server has acknowledged the message; its event is still to come. */
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
        make("button", { type: "button", className: "link", onclick: retry }, t.retry),
        make("button", { type: "button", className: "link", onclick: discard }, t.discard),
      ),
    );
  }

  /** `first`: the name stands above the message. `startsDay`: so does the date. */
  arrange(first: boolean, startsDay: boolean): void {
    this.root.classList.toggle("first", first);
    this.#day.show(startsDay ? this.at : undefined);
  }

  remove(): void {
    this.#day.show(undefined);
    this.root.remove();
  }

  #showTime(edited: boolean): void {
    const time = make("time", { dateTime: this.at, title: formatExactTime(this.at) }, formatTime(this.at));
    this.#meta.replaceChildren(...(edited ? [make("span", { className: "edited" }, t.edited), " "] : []), time);
  }
}
