/** The documents as MongoDB holds them, and what history makes of them. Shapes change only with a migration. */
import { formatPosition, type HistoryMessage, type Room, type RoomStatus, whoOf } from "@madang/protocol";
import type { Binary } from "mongodb";
import type { MessageChange } from "../store/changes.ts";
import { messageKey, positionOfKey } from "../store/position.ts";

/** The message itself. `who` is there with `nonce` only: together they make a sender's repetition recognisable. */
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
 * A message, or a stub: what is known of a message that has not arrived yet. A stub has no content and is hidden.
 * MongoDB compares embedded documents field by field, so `$max` and `$min` on one decide by its first field.
 */
export interface MessageDocument extends Partial<MessageContent> {
  _id: string;
  room: string;
  edit?: { seq: number; message: string; at: string };
  deleted?: { seq: number; at: string };
  /** Emptied for good: who said what is no longer known, and does not come back should the log say it again. */
  erased?: true;
}

/**
 * Of messages that can be shown: no stubs, and none that somebody spoiled by hand. One of those takes neither its page nor the list of
 * rooms away. Asked of MongoDB, so that a page is as long as it is to be.
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
/** Where nobody knows when. */
const NEVER = new Date(0).toISOString();

/** What is said last is no part of a room's document: the messages tell. */
export type RoomWithLast = RoomDocument & { last: [{ _id: string; at: string }] | [] };

export interface DeadLetterDocument {
  _id: string;
  epoch: string;
  seq: number;
  subject: string;
  reason: string;
  at: Date;
  data: Binary;
}

function contentOf({ user, userId, message, at, replyTo, nonce }: MessageChange): MessageContent {
  const content: MessageContent = { user, message, at };
  if (userId !== undefined) content.userId = userId;
  if (replyTo !== undefined) content.replyTo = replyTo;
  if (nonce !== undefined) {
    content.nonce = nonce;
    content.who = whoOf({ user, userId });
  }
  return content;
}

export type WholeMessage = MessageContent & { _id: string; room: string };

/** A message as it is stored when it comes. */
export function messageDocument(change: MessageChange): WholeMessage {
  return { _id: messageKey(change.room, change.position), room: change.room, ...contentOf(change) };
}

/** Whether a stored document is this very message, whatever edits and deletes have been added to it. */
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

/** A stored message, which is no stub, as history shows it: with its last edit, or without its text when it was deleted. */
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

/** A stored room, with what was said last in it, as the API shows it. What somebody spoiled by hand is as if it were not set. */
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
