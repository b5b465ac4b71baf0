import type { MemberEvent, Placed } from "@madang/protocol/browser";
import { formatPosition } from "@madang/protocol/browser";
import { DayDivider } from "./day-divider.ts";
import { make, withElements } from "./dom.ts";
import { formatDateTime, formatExactTime, t } from "./localized-text.ts";

/** A line between the messages: a moderator's act on a member of this room. It has no author. */
export class ModerationNotice {
  readonly root: HTMLElement;
  readonly user = "";
  /** The name of the member. */
  readonly about: string;
  readonly position: string;
  readonly at: string;
  readonly #day: DayDivider;

  constructor({ epoch, seq, act, user, until, at }: Placed<MemberEvent>) {
    this.position = formatPosition(epoch, seq);
    this.at = at;
    this.about = user;
    const text = until === undefined || act === "unban" || act === "unmute" ? t[act] : t[`${act}Until`];
    const children = withElements(text, {
      user: () => make("bdi", {}, user),
      until: () => make("time", { dateTime: until!, title: formatExactTime(until!) }, formatDateTime(until!)),
    });
    this.root = make("p", { className: "event", title: formatExactTime(at) }, ...children);
    this.#day = new DayDivider(this.root);
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
