/** How the log and its rooms are spelled in NATS. Rules have subjects of their own, in rules.ts. */
import { roomOfToken, roomPartition, roomToken } from "@madang/protocol";

export const STREAM = "CHAT";
/** Everything that the stream stores. */
export const LOG_SUBJECTS = "chat.log.*.*";
/** Where the stream republishes what it has stored: the room's token is the last token of both. */
export const LIVE_SUBJECTS = "chat.live.{{wildcard(2)}}";

/** Where the events of a room, by its canonical name, are stored. */
export function logSubject(room: string): string {
  const token = roomToken(room);
  return `chat.log.${roomPartition(token)}.${token}`;
}

/** Where they come by live. */
export function liveSubject(room: string): string {
  return `chat.live.${roomToken(room)}`;
}

/** Where messages about a room travel that no log keeps. */
export function transientSubject(room: string): string {
  return `chat.transient.${roomToken(room)}`;
}

/** The room of a log subject, or `undefined` when the subject is not one that {@link logSubject} makes. */
export function roomOfSubject(subject: string): string | undefined {
  const [chat, log, , token, ...rest] = subject.split(".");
  return chat === "chat" && log === "log" && token !== undefined && rest.length === 0 ? roomOfToken(token) : undefined;
}
