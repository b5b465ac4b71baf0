/** The documents in MongoDB, and their conversion to history. Stored shapes change only with a migration. */
import { hash } from "node:crypto";
import {
  contentOf,
  formatPosition,
  type HistoryMessage,
  type Person,
  type Room,
  type RoomStatus,
  whoOf,
} from "@madang/protocol";
import type { Filter } from "mongodb";
import type { MessageChange } from "../store/changes.ts";
import { messageKey, positionOfKey } from "../store/position.ts";

/** The message itself. With a `nonce` comes `who`, its {@link sendKey}: together they identify a repeated send. */
export interface MessageContent {
  user: string;
  userId?: string;
  message: string;
  at: string;
  replyTo?: number;
  nonce?: string;
  who?: string;
}

/**
 * A message, or a stub. A stub holds the edits and deletes of a message that has not arrived yet; it has no content and
 * is hidden. MongoDB compares embedded documents field by field, so `$max` and `$min` decide by the first field.
 */
export interface MessageDocument extends Partial<MessageContent> {
  _id: string;
  room: string;
  edit?: { seq: number; message: string; at: string };
  deleted?: { seq: number; at: string };
  /** Emptied for good. Projecting the message again does not restore its content. */
  erased?: true;
}

/**
 * Matches messages that can be shown: no stubs, and no documents that were damaged by hand, which would make a page or
 * the list of rooms fail. MongoDB applies it, so that a page has its full length.
 */
export const SHOWN = { at: { $type: "string" }, user: { $type: "string" }, message: { $type: "string" } } as const;

export interface RoomDocument {
  _id: string;
  createdAt: string;
  topic?: { place: string; value: string };
  status?: { place: string; value: RoomStatus };
  slowModeS?: { place: string; value: number };
}

const STATUSES: readonly RoomStatus[] = [0, 1, 2];
/** The creation time of a room if its document has none. */
const NEVER = new Date(0).toISOString();

/** A room with its last message, which is looked up among the messages. */
export type RoomWithLast = RoomDocument & { last: [{ _id: string; at: string }] | [] };

/** Length of a content's hash: two contents of one sender with one nonce never share it by chance. */
const CONTENT_HASH_LENGTH = 22;

/** The sender and a hash of everything that the sender wrote. Another text with a used nonce is another message. */
export function sendKey({ user, userId, message, replyTo }: Pick<MessageContent, "message" | "replyTo"> & Person) {
  const content = hash("sha256", contentOf({ message, replyTo }), "base64url").slice(0, CONTENT_HASH_LENGTH);
  return `${content} ${whoOf({ user, userId })}`;
}

function documentContent({ user, userId, message, at, replyTo, nonce }: MessageChange): MessageContent {
  const content: MessageContent = { user, message, at };
  if (userId !== undefined) content.userId = userId;
  if (replyTo !== undefined) content.replyTo = replyTo;
  if (nonce !== undefined) {
    content.nonce = nonce;
    content.who = sendKey(content);
  }
  return content;
}

export type WholeMessage = MessageContent & { _id: string; room: string };

/** A message as it is first stored. */
export function messageDocument(change: MessageChange): WholeMessage {
  return { _id: messageKey(change.room, change.position), room: change.room, ...documentContent(change) };
}

/** Whether a stored document is this message, with or without edits and deletes. */
export function isSameMessage(stored: MessageDocument, message: WholeMessage): boolean {
  if (stored.erased) return true;
  return (
    stored.message === message.message &&
    stored.user === message.user &&
    stored.userId === message.userId &&
    stored.at === message.at &&
    stored.nonce === message.nonce &&
    stored.replyTo === message.replyTo
  );
}

/** A stored message (not a stub) as history shows it: with its last edit, or without its text when it is deleted. */
export function historyMessage(document: MessageDocument): HistoryMessage {
  const { _id, user, userId, message, at, nonce, replyTo, edit, deleted } = document as WholeMessage & MessageDocument;
  const { epoch, seq } = positionOfKey(_id);
  return {
    seq,
    epoch,
    position: formatPosition(epoch, seq),
    user,
    ...(userId === undefined ? {} : { userId }),
    message: deleted ? "" : (edit?.message ?? message),
    at,
    ...(nonce === undefined ? {} : { nonce }),
    ...(replyTo === undefined ? {} : { replyTo }),
    ...(edit && !deleted ? { editedAt: edit.at } : {}),
    ...(deleted ? { deleted: true } : {}),
  };
}

/** A stored room and its last message as the API shows them. Fields that were damaged by hand count as not set. */
export function roomOf({ _id, createdAt, topic, status, slowModeS, last: [last] }: RoomWithLast): Room {
  const position = last && positionOfKey(last._id);
  const slow = slowModeS?.value;
  return {
    room: _id,
    topic: typeof topic?.value === "string" ? topic.value : "",
    status: STATUSES.find((known) => known === status?.value) ?? 0,
    ...(Number.isSafeInteger(slow) && slow! > 0 ? { slowModeS: slow! } : {}),
    createdAt: typeof createdAt === "string" ? createdAt : (last?.at ?? NEVER),
    ...(last && position ? { lastMessageAt: last.at, lastPosition: formatPosition(position.epoch, position.seq) } : {}),
  };
}

/** Matches the messages of a person. A name without an id matches only messages that were stored without a user id. */
export function saidBy({ userId, user }: Person): Filter<MessageDocument> {
  return userId === undefined ? { user, userId: { $exists: false }, at: { $exists: true } } : { userId };
}
