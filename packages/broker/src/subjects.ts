/** The names of the log and its rooms in NATS. Rules have subjects of their own, in rule-stream.ts. */
import { roomOfToken, roomPartition, roomToken } from "@madang/protocol";

export const STREAM = "CHAT";
/** Every subject that the stream stores. */
export const LOG_SUBJECTS = "chat.log.*.*";
/** Where the stream republishes each event that it has stored. The room's token is the last token of both subjects. */
export const LIVE_SUBJECTS = "chat.live.{{wildcard(2)}}";

/** Where edges publish their figures, each under its own id. */
export const EDGE_SUBJECTS = "chat.edge";
/** One subject for all edges: an edge receives the messages of every edge, its own included. */
export const GOSSIP_SUBJECT = "chat.gossip";

/** The subject under which a room's events are stored. @param room a canonical room name */
export function logSubject(room: string): string {
  const token = roomToken(room);
  return `chat.log.${roomPartition(token)}.${token}`;
}

/** The subject on which a room's events arrive live. */
export function liveSubject(room: string): string {
  return `chat.live.${roomToken(room)}`;
}

/** The subject of messages about a room that no log keeps. */
export function transientSubject(room: string): string {
  return `chat.transient.${roomToken(room)}`;
}

/** The room of a log subject, or `undefined` when the subject is not one that {@link logSubject} makes. */
export function roomOfSubject(subject: string): string | undefined {
  const [chat, log, , token, ...rest] = subject.split(".");
  return chat === "chat" && log === "log" && token !== undefined && rest.length === 0 ? roomOfToken(token) : undefined;
}
