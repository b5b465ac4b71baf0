import type { MemberEvent, Placed } from "@madang/protocol/browser";
import { formatPosition } from "@madang/protocol/browser";
import { DayElement } from "./day-divider.ts";
import { make } from "./dom.ts";
import { momentWords, t, untilWords } from "./localized-text.ts";

/** A quiet line between the messages: what a moderator did to somebody in this room. Nobody says it. */
export class NoticeElement {
  readonly root: HTMLElement;
  readonly user = "";
  readonly position: string;
  readonly at: string;
  readonly #day: DayElement;

  constructor({ epoch, seq, act, user, until, at }: Placed<MemberEvent>) {
    this.position = formatPosition(epoch, seq);
    this.at = at;
    const parts = {
      "{user}": () => make("bdi", {}, user),
      "{until}": () => make("time", { dateTime: until!, title: momentWords(until!) }, untilWords(until!)),
    };
    const words = until === undefined || act === "unban" || act === "unmute" ? t[act] : t[`${act}Until`];
    const children = words
      .split(/(\{user\}|\{until\})/)
      .map((part) => (Object.hasOwn(parts, part) ? parts[part as keyof typeof parts]() : part));
    this.root = make("p", { className: "event", title: momentWords(at) }, ...children);
    this.#day = new DayElement(this.root);
  }

  get start(): HTMLElement {
    return this.#day.start;
  }

  arrange(_first: boolean, startsDay: boolean): void {
    this.#day.show(startsDay ? this.at : undefined);
  }

  remove(): void {
    this.#day.show(undefined);
    this.root.remove();
  }
}
