import type { HistoryMessage } from "@madang/protocol";
import { continues, hue, initial } from "./shared/grouping.ts";
import { type Segment, segments } from "./shared/links.ts";

/** The data of one message for its template. */
export interface MessageView {
  readonly position: string;
  readonly user: string;
  readonly at: string;
  /** Short, in UTC. The script replaces it by the reader's local time. */
  readonly time: string;
  readonly classes: string;
  readonly initial: string;
  readonly hue: number;
  readonly deleted: boolean;
  readonly edited: boolean;
  readonly segments: readonly Segment[];
}

export function messageView(
  message: HistoryMessage,
  previous: HistoryMessage | undefined,
  nickname: string,
): MessageView {
  const flags = { own: message.user === nickname, first: !continues(previous, message), deleted: message.deleted };
  return {
    position: message.position,
    user: message.user,
    at: message.at,
    time: `${message.at.slice(0, 16).replace("T", " ")} UTC`,
    classes: ["message", ...Object.entries(flags).flatMap(([name, on]) => (on ? [name] : []))].join(" "),
    initial: initial(message.user),
    hue: hue(message.user),
    deleted: message.deleted ?? false,
    edited: message.editedAt !== undefined && !message.deleted,
    segments: segments(message.message),
  };
}
